// log_sum_exp: one number for each row along an axis.
#pragma once

#include "../backend.hpp"

namespace taper::kernels {

// x is (outer, n, inner), y (outer, inner): y_or = log(sum_i e^x_oir), the largest element plus the logarithm of what
// is at least 1. -inf if all elements are -inf or there are none, +inf if one is, NaN if one is NaN.
Tensor log_sum_exp(const char* op, const Tensor& x);

}  // namespace taper::kernels
