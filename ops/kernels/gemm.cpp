// The one file that includes xtensor-blas.
#include <taper/core/fail.hpp>
#include <taper/core/xtensor.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/kernels/gemm.hpp>

#include <algorithm>
#include <limits>

#include <xtensor-blas/xblas.hpp>

#ifndef HAVE_CBLAS
#error "Without HAVE_CBLAS xtensor-blas multiplies matrices by its own, slow loops"
#endif

namespace taper::kernels {

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
    if (m == 0 || n == 0) return;
    if (k == 0) return static_cast<void>(std::fill_n(out, c.size(), T{0}));  // an empty sum
    using cxxblas::NoTrans, cxxblas::Trans;
    for (std::int64_t i = 0; i < batch; ++i) {
      cxxblas::gemm(cxxblas::RowMajor, transpose_a ? Trans : NoTrans, transpose_b ? Trans : NoTrans,
                    static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), T{1},
                    a.data<T>() + i * m * k, static_cast<int>(columns(a)), b.data<T>() + i * k * n,
                    static_cast<int>(columns(b)), T{0}, out + i * m * n, static_cast<int>(n));
    }
  });
  return c;
}

}  // namespace taper::kernels
