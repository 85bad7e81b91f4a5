// stack: tensors of one shape along a new axis.
#pragma once

#include "../../core/tensor.hpp"

#include <vector>

namespace taper {

// y[…, t, …] = tensors[t], with t along a new axis, the result's axis `axis`: stacking n tensors of shape (a,
// b) gives (n, a, b), (a, n, b) along axis 1 and (a, b, n) along axis 2 or -1. The cotangent of each is its
// slice of dy. float32 or float64, all the same. Throws if there is no tensor, the axis is out of range, or
// shapes or dtypes differ.
Tensor stack(const std::vector<Tensor>& tensors, int axis = 0);

}  // namespace taper
