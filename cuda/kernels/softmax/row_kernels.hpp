// The kernels of rows that lie side by side in memory, (rows, n); rows.cu calls them for rows along any axis.
#pragma once

#include "../../../core/tensor.hpp"
#include "../../../ops/kernels/backend.hpp"

#include <cstdint>

namespace taper::cuda {

// softmax.cu
void softmax_rows(bool is_log, std::int64_t rows, std::int64_t n, const Tensor& x, Tensor& y);

// sparse_rows.cu: topk_softmax, sparse_softmax, sparse_softmax_as_written, tau_gradient, entmax; and the
// vector-Jacobian product of sparse_softmax (with the exponent 0) and entmax.
void sparse_rows(kernels::RowFunction function, std::int64_t k, double alpha, std::int64_t rows,
                 std::int64_t n, const Tensor& x, Tensor& y);
void center_rows(std::int64_t rows, std::int64_t n, double exponent, const Tensor& g, const Tensor& p,
                 Tensor& out);

}  // namespace taper::cuda
