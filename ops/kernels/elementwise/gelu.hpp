// The Gaussian error linear unit and its slope over plain arrays.
#pragma once

#include <cstdint>

namespace taper::kernels {

// y_i = x_i Phi(x_i), and 0 at -inf, for the standard normal distribution function Phi. float64 takes Phi
// from std::erfc; float32 is vectorised, with a relative error below 1e-6 in Phi, also where it is tiny.
void gelu(std::int64_t n, const float* x, float* y);
void gelu(std::int64_t n, const double* x, double* y);

// dx_i = dy_i (Phi(x_i) + x_i phi(x_i)) with the density phi; at infinities the factor is 0 and 1.
void gelu_pullback(std::int64_t n, const float* x, const float* dy, float* dx);
void gelu_pullback(std::int64_t n, const double* x, const double* dy, double* dx);

}  // namespace taper::kernels
