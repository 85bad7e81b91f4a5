// minimum: the smaller of two tensors, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = min(a, b), NaN where either is. da = dy where a < b, half of it where a = b (a kink), 0 elsewhere; db
// likewise; each summed over the axes it was broadcast along. float32 or float64, both the same; shapes
// broadcast as in NumPy. Throws if dtypes differ or shapes do not broadcast.
Tensor minimum(const Tensor& a, const Tensor& b);

}  // namespace taper
