// argmax and argmin: where the largest and the smallest element stand.
#pragma once

#include "../../core/indices.hpp"
#include "../../core/tensor.hpp"

namespace taper {

// The place of the largest element along `axis`, which disappears from the shape, or stays as 1 with
// keepdims. The first of equal ones; the first NaN if there is one, as in PyTorch. It has no derivative.
// Waits for a device. Throws if the axis is out of range or has no elements.
Indices argmax(const Tensor& x, int axis, bool keepdims = false);
// The place of the largest of all elements in row-major order, with rank 0. Throws if there is none.
Indices argmax(const Tensor& x);

// The same for the smallest element. Here, too, the first NaN comes before all numbers.
Indices argmin(const Tensor& x, int axis, bool keepdims = false);
Indices argmin(const Tensor& x);

}  // namespace taper
