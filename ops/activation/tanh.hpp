// tanh: the hyperbolic tangent, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = tanh x. dx = dy (1 - y^2). float32 or float64, any shape.
Tensor tanh(const Tensor& x);

}  // namespace taper
