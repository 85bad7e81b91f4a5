// batch_norm: each channel brought to mean 0 and variance 1 over a whole batch, then scaled and shifted.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// What batch_norm returns. mean and variance, (channels), are constants: what a running average is made of.
struct BatchNormed {
  Tensor y;
  Tensor mean, variance;
};

// y = gain u + bias with u = r (x - m), for the N elements x of each channel, which axis 1 counts:
//   m = mean(x),   variance = mean((x - m)^2),   r = 1 / sqrt(variance + epsilon).
// x is (batch, channels, …), gain and bias are (channels), y has x's shape. Over each channel
//   dx = gain r (dy - mean(dy) - u mean(dy u)),   dgain = sum(dy u),   dbias = sum(dy).
// A channel of equal elements gives bias. Squares of x - m must not overflow: in float32, |x - m| below 1e18.
//
// The result is bitwise the same for any number of threads. float32 or float64, all three the same; m keeps
// its digits in float32 however large it is beside the deviation. Throws if x has fewer than two axes or two
// elements in a channel, gain or bias does not fit it, or epsilon <= 0. Source: Ioffe and Szegedy,
// arXiv 1502.03167.
BatchNormed batch_norm(const Tensor& x, const Tensor& gain, const Tensor& bias, double epsilon = 1e-5);

}  // namespace taper
