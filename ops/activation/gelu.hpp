// gelu: the Gaussian error linear unit, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = x Phi(x) with Phi the standard normal distribution function, computed by erfc (the exact
// form, not tanh's).
//   dx = dy (Phi(x) + x phi(x)),   phi(x) = e^(-x^2 / 2) / sqrt(2 pi).
// float32 or float64, any shape. Source: Hendrycks and Gimpel, arXiv 1606.08415.
Tensor gelu(const Tensor& x);

}  // namespace taper
