// where: one of two tensors, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = a where condition is not 0, b elsewhere. da = dy where condition is not 0, 0 elsewhere; db the other
// way round; each summed over the axes it was broadcast along. No gradient flows to the condition. a and b
// float32 or float64, both the same; condition either; shapes broadcast as in NumPy. Throws if the dtypes of
// a and b differ or shapes do not broadcast.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);

}  // namespace taper
