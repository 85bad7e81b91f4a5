// softplus: a smooth rectifier, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = log(1 + e^x), without overflow for any x. dx = dy sigmoid(x). float32 or float64, any shape.
Tensor softplus(const Tensor& x);

}  // namespace taper
