// bmm: products of matrices, one or a batch.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// C_i = op(A_i) op(B_i) for each i of a batch: a (b, m, k), b (b, k, n), result (b, m, n), after op, which
// transposes the matrices of an operand if its flag says so, without a copy. Without flags:
//   dA_i = dC_i B_i^T,   dB_i = A_i^T dC_i.
// float32 or float64, both the same. Throws if a rank is not 3, or dtypes, batch sizes or inner
// dimensions differ.
Tensor bmm(const Tensor& a, const Tensor& b, bool transpose_a = false, bool transpose_b = false);

// The same for two single matrices: a (m, k), b (k, n), result (m, n). Throws if a rank is not 2.
Tensor mm(const Tensor& a, const Tensor& b, bool transpose_a = false, bool transpose_b = false);

}  // namespace taper
