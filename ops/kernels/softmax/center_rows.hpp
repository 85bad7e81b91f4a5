// The Jacobian of the projection onto the simplex: what sparse_softmax's gradient is made of.
#pragma once

#include "../../../core/tensor.hpp"

namespace taper::kernels {

// For each row along `axis`: g_i - (mean of g over S) on S = {p > 0}, 0 elsewhere; NaN if p is. Throws if g
// and p differ in dtype or device.
Tensor center_rows(const char* op, int axis, const Tensor& g, const Tensor& p);

}  // namespace taper::kernels
