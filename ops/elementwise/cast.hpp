// cast: another dtype.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// x.to(dtype) as a function: y = x, rounded to dtype (float32 or float64). dx = dy, rounded to x's dtype. Any
// shape. x itself if it has that dtype already.
Tensor cast(const Tensor& x, DType dtype);

}  // namespace taper
