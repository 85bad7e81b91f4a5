// transpose: two axes swapped.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y[…, j, …, i, …] = x[…, i, …, j, …] with i along axis0 and j along axis1, which may be negative. The
// elements are copied. dx = dy with the same two axes swapped. Throws if an axis is out of range.
Tensor transpose(const Tensor& x, int axis0, int axis1);

}  // namespace taper
