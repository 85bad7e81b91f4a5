// Matrix products by OpenBLAS, reached through xtensor-blas's cblas wrapper.
#pragma once

#include "../../../core/tensor.hpp"

namespace taper::kernels {

// op(a) op(b) for two matrices, or for two equally long batches of them, one gemm a matrix; op transposes if
// the flag says so, without a copy. After the flags, a is (…, m, k), b is (…, k, n), the result (…, m, n).
// Throws if the ranks are not both `rank` (2 or 3), or if dtypes, batch sizes or inner dimensions differ.
Tensor gemm(const char* op, int rank, const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b);

// a b + bias for two matrices, with bias (n) added to each row. Throws as above; bias must fit.
Tensor gemm(const char* op, const Tensor& a, const Tensor& b, const Tensor& bias);

}  // namespace taper::kernels
