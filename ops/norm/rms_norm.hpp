// rms_norm: each row divided by its root mean square, then scaled.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = gain u with u = r x and r = 1 / sqrt(mean(x^2) + epsilon), for each row x of n elements along the last
// axis. x is (…, n), gain is (n), y has x's shape. With g = gain dy,
//   dx = r (g - u mean(g u)),   dgain = sum over the rows of dy u.
// A row of zeros gives zeros. Squares must not overflow: in float32, |x| below 1e18. NaN makes its row NaN;
// an infinity gives NaN in its place and 0 in the others. With no row dgain is 0.
//
// The result is bitwise the same for any number of threads. float32 or float64, both the same. Throws if x
// has no axis, gain does not fit it, or epsilon <= 0. Source: Zhang and Sennrich, arXiv 1910.07467,
// equation 4.
Tensor rms_norm(const Tensor& x, const Tensor& gain, double epsilon = 1e-6);

}  // namespace taper
