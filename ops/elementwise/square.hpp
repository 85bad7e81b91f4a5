// square: the square, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = x^2. dx = dy 2x. float32 or float64, any shape.
Tensor square(const Tensor& x);

}  // namespace taper
