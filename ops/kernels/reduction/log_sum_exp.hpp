// log_sum_exp: one number for each row.
#pragma once

#include "../backend.hpp"

namespace taper::kernels {

// y_r = log(sum_i e^x_ri) for the rows along x's last axis: the largest element plus the logarithm of what is
// at least 1. -inf if all elements are -inf or there are none, +inf if one is, NaN if one is NaN.
Tensor log_sum_exp(const char* op, const Tensor& x);

}  // namespace taper::kernels
