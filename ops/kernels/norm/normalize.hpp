// Rows brought to unit size: what layer_norm and rms_norm are made of.
#pragma once

#include "../../../core/tensor.hpp"

namespace taper::kernels {

// For each row x of n elements along the last axis, u = r (x - m) with
//   m = mean(x), or 0 if `centers` is false,   r = 1 / sqrt(mean((x - m)^2) + epsilon).
struct Normalization {
  const char* op;
  bool centers;
  double epsilon;
};

// Throws in the name of the op if x has no axis, gain or (unless it is null) bias is not of shape (n) and of
// x's dtype, or epsilon <= 0.
void check_normalization(const Normalization& which, const Tensor& x, const Tensor& gain, const Tensor* bias);

// What backward needs of each row: m, as the sum of two numbers, and r.
using Moments = Tensor;

// y = gain u + bias (null: 0), and the moments of x's rows.
struct Normalized {
  Tensor y;
  Moments moments;
};
Normalized normalize(const Normalization& which, const Tensor& x, const Tensor& gain, const Tensor* bias);

// dx = r (g - mean(g) - u mean(g u)) with g = gain dy, without mean(g) if `centers` is false.
Tensor normalize_dx(const Normalization& which, const Tensor& dy, const Tensor& x, const Tensor& gain,
                    const Moments& moments);

// dgain = the sum of dy u over all rows, always in the same order.
Tensor normalize_dgain(const Normalization& which, const Tensor& dy, const Tensor& x, const Moments& moments);

}  // namespace taper::kernels
