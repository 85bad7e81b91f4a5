// The Jacobian of entmax and of the projection onto the simplex: what their gradients are made of.
#pragma once

#include "../../../core/tensor.hpp"

namespace taper::kernels {

// For each row along `axis`: s_i (g_i - sum_j s_j g_j / sum_j s_j) with s_i = p_i^exponent on S = {p > 0}, 0
// elsewhere; NaN if p is. With the exponent 0 that is g_i less its mean over S. 0 <= exponent < 1. Throws if
// g and p differ in dtype or device.
Tensor center_rows(const char* op, int axis, const Tensor& g, const Tensor& p, double exponent);

}  // namespace taper::kernels
