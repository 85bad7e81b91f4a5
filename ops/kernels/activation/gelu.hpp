// The Gaussian error linear unit.
#pragma once

#include "../../../core/tensor.hpp"

namespace taper::kernels {

// y_i = x_i Phi(x_i), and 0 at -inf, for the standard normal distribution function Phi. On the CPU
// float64 takes Phi from std::erfc; float32 is vectorised, with a relative error below 1e-6 in Phi,
// however small Phi is.
Tensor gelu(const Tensor& x);

// dx_i = dy_i (Phi(x_i) + x_i phi(x_i)) with the density phi; the factor is 0 at -inf and 1 at inf. x and dy
// have the same shape and dtype and lie on the same device.
Tensor gelu_vjp(const Tensor& x, const Tensor& dy);

}  // namespace taper::kernels
