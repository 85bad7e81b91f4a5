// sigmoid: the logistic function, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = 1 / (1 + e^-x), without overflow for any x. dx = dy y (1 - y). float32 or float64, any shape.
Tensor sigmoid(const Tensor& x);

}  // namespace taper
