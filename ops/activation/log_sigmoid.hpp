// log_sigmoid: the logarithm of the logistic function, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = log(1 / (1 + e^-x)), without overflow for any x: x itself for very negative ones. dx = dy sigmoid(-x).
// float32 or float64, any shape.
Tensor log_sigmoid(const Tensor& x);

}  // namespace taper
