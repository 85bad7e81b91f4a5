// The one file that includes xtensor-blas.
#include <taper/core/fail.hpp>
#include <taper/core/threads.hpp>
#include <taper/core/xtensor.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/kernels/gemm.hpp>

#include <algorithm>
#include <limits>

#include <xtensor-blas/xblas.hpp>

#ifndef HAVE_CBLAS
#error "Without HAVE_CBLAS xtensor-blas multiplies matrices by its own, slow loops"
#endif

extern "C" void openblas_set_num_threads(int count);  // <cblas.h> clashes with xtensor-blas

namespace taper::kernels {
namespace {

// OpenBLAS computes each product on the thread that asks for it; the threads are parallel_for's.
void make_openblas_single_threaded() {
  static const bool done = (openblas_set_num_threads(1), true);
  static_cast<void>(done);
}

// Into how many parts each of `batch` products is divided. It must not depend on the number of threads, for
// OpenBLAS rounds a row as its place in the matrix has it.
struct Parts {
  std::int64_t rows = 1;   // of op(A) and C
  std::int64_t depth = 1;  // of the inner dimension: each part is a matrix of its own, and they are added up
};

// No more than 16 parts in all, of 4 million multiplications at least. OpenBLAS copies op(B) for each part,
// which takes as long as some 20 rows of it: the parts should have many. A weight's gradient, X^T dY, has few
// rows and a long inner dimension, in parts of which nothing is copied twice.
Parts parts_of_product(std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t k) {
  const double multiplications = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  const auto worthwhile = static_cast<std::int64_t>(std::min(16.0, multiplications / 4e6));
  const std::int64_t wanted = std::min(worthwhile, 16 / batch);
  const auto at_most = [wanted](std::int64_t parts) {
    return std::clamp<std::int64_t>(wanted, 1, std::max<std::int64_t>(parts, 1));
  };
  const Parts by_rows{.rows = at_most(m / 128)}, by_depth{.depth = at_most(k / 512)};
  if (std::max(by_rows.rows, by_depth.depth) == 1) return {.rows = at_most(m)};
  return by_rows.rows >= by_depth.depth ? by_rows : by_depth;
}

}  // namespace

Tensor gemm(const char* op, int rank, const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  if (a.rank() != rank || b.rank() != rank) {
    fail(op, "wanted two tensors of rank ", rank, ": a is ", a.shape(), ", b is ", b.shape());
  }
  const DType dtype = common_dtype(op, a, b);
  const auto rows = [rank](const Tensor& x) { return x.shape()[rank - 2]; };
  const auto columns = [rank](const Tensor& x) { return x.shape()[rank - 1]; };
  const std::int64_t batch = rank == 3 ? a.shape()[0] : 1;
  const std::int64_t m = transpose_a ? columns(a) : rows(a), k = transpose_a ? rows(a) : columns(a);
  const std::int64_t n = transpose_b ? rows(b) : columns(b), k_of_b = transpose_b ? columns(b) : rows(b);
  if (rank == 3 && b.shape()[0] != batch)
    fail(op, "batch sizes differ: a is ", a.shape(), ", b is ", b.shape());
  if (k != k_of_b) {
    fail(op, "inner dimensions differ: a is ", a.shape(), transpose_a ? " transposed" : "", ", b is ",
         b.shape(), transpose_b ? " transposed" : "");
  }
  if (std::max({m, n, k}) > std::numeric_limits<int>::max()) {
    fail(op, "a matrix is larger than BLAS can address: a is ", a.shape(), ", b is ", b.shape());
  }

  Tensor c = Tensor::uninitialized(op, rank == 3 ? Shape{batch, m, n} : Shape{m, n}, dtype);
  dispatch(dtype, [&]<class T>() {
    T* out = c.mutable_data<T>();
    if (c.size() == 0) return;
    if (k == 0) return static_cast<void>(std::fill_n(out, c.size(), T{0}));  // an empty sum
    using cxxblas::NoTrans, cxxblas::Trans;
    make_openblas_single_threaded();
    const Parts parts = parts_of_product(batch, m, n, k);
    Tensor pieces;  // of the products that are added up
    if (parts.depth > 1) pieces = Tensor::uninitialized(op, {batch, parts.depth, m, n}, dtype);
    T* const to = parts.depth > 1 ? pieces.mutable_data<T>() : out;
    const auto multiply = [&](std::int64_t task) {
      const std::int64_t i = task / (parts.rows * parts.depth), row = task / parts.depth % parts.rows;
      const std::int64_t piece = task % parts.depth;
      const std::int64_t first = row * m / parts.rows, last = (row + 1) * m / parts.rows;
      const std::int64_t from = piece * k / parts.depth, until = (piece + 1) * k / parts.depth;
      const std::int64_t a_start = transpose_a ? from * m + first : first * k + from;
      cxxblas::gemm(cxxblas::RowMajor, transpose_a ? Trans : NoTrans, transpose_b ? Trans : NoTrans,
                    static_cast<int>(last - first), static_cast<int>(n), static_cast<int>(until - from), T{1},
                    a.data<T>() + i * m * k + a_start, static_cast<int>(columns(a)),
                    b.data<T>() + i * k * n + from * (transpose_b ? 1 : n), static_cast<int>(columns(b)),
                    T{0}, to + ((i * parts.depth + piece) * m + first) * n, static_cast<int>(n));
    };
    // Waking a thread takes as long as some ten thousand multiplications.
    const std::int64_t tasks = batch * parts.rows * parts.depth;
    if (static_cast<double>(m * n) * static_cast<double>(k) * static_cast<double>(batch) < 1e5) {
      for (std::int64_t task = 0; task < tasks; ++task) multiply(task);
    } else {
      parallel_for(tasks, multiply);
    }
    for (std::int64_t i = 0; parts.depth > 1 && i < batch; ++i) {
      const T* const first = to + i * parts.depth * m * n;
      std::copy_n(first, m * n, out + i * m * n);
      for (std::int64_t piece = 1; piece < parts.depth; ++piece) {
        for (std::int64_t j = 0; j < m * n; ++j) out[i * m * n + j] += first[piece * m * n + j];
      }
    }
  });
  return c;
}

}  // namespace taper::kernels
