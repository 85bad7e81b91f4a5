// sqrt: the square root, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = sqrt(x), NaN below 0. dx = dy / (2 y), which is infinite at 0. float32 or float64, any shape.
Tensor sqrt(const Tensor& x);

}  // namespace taper
