// Channels brought to unit size over a whole batch: what batch_norm is made of.
#pragma once

#include "../../../core/tensor.hpp"

namespace taper::kernels {

// Does the device of x have these kernels? Without them the op is composed of others.
bool has_batch_normalize(const Tensor& x);

// With the elements x of each channel, axis 1 of the tensor, u = r (x - m) with
//   m = mean(x),   r = 1 / sqrt(variance + epsilon),   variance = mean((x - m)^2).
struct BatchNormalized {
  Tensor y;               // gain u + bias
  Tensor moments;         // (3, channels): m as the sum of two numbers, and r
  Tensor mean, variance;  // (channels)
};
BatchNormalized batch_normalize(const Tensor& x, const Tensor& gain, const Tensor& bias, double epsilon);

// (2, channels): the sums of dy and of dy u over each channel, always in the same order.
Tensor batch_normalize_sums(const Tensor& dy, const Tensor& x, const Tensor& moments);

// dx = gain r (dy - mean(dy) - u mean(dy u)).
Tensor batch_normalize_dx(const Tensor& dy, const Tensor& x, const Tensor& gain, const Tensor& moments,
                          const Tensor& sums);

}  // namespace taper::kernels
