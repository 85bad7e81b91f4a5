// abs: the absolute value, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = |x|. dx = dy sign(x), which is 0 at the kink x = 0. float32 or float64, any shape.
Tensor abs(const Tensor& x);

}  // namespace taper
