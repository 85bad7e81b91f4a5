// erf: the error function, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = erf x = 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x. dx = dy 2 / sqrt(pi) e^(-x^2). float32
// or float64, any shape.
Tensor erf(const Tensor& x);

}  // namespace taper
