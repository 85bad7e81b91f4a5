// layer_norm: each row brought to mean 0 and variance 1, then scaled and shifted.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = gain u + bias with u = r (x - m), for each row x of n elements along the last axis:
//   m = mean(x),   r = 1 / sqrt(mean((x - m)^2) + epsilon).
// x is (…, n), gain and bias are (n), y has x's shape. With g = gain dy,
//   dx = r (g - mean(g) - u mean(g u)),
//   dgain = sum over the rows of dy u,   dbias = sum over the rows of dy.
// A constant row gives bias. Squares must not overflow: in float32, |x| below 1e18. A row with NaN or an
// infinity gives NaN. With no row dgain and dbias are 0.
//
// The result is bitwise the same for any number of threads. float32 or float64, all three the same; m keeps
// its digits in float32 however large it is beside the deviation. Throws if x has no axis, gain or bias does
// not fit it, or epsilon <= 0. Source: Ba, Kiros and Hinton, arXiv 1607.06450, equations 3 and 4.
Tensor layer_norm(const Tensor& x, const Tensor& gain, const Tensor& bias, double epsilon = 1e-5);

namespace internal {
// layer_norm and, without `centers` and with a null bias, rms_norm.
Tensor normalize_rows(bool centers, const Tensor& x, const Tensor& gain, const Tensor* bias, double epsilon);
}  // namespace internal

}  // namespace taper
