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

// Into how many parts to divide the m rows of each of `batch` products: no more than 16 in all, of 4 million
// multiplications at least. It must not depend on the number of threads, for OpenBLAS rounds a row as its
// place in the matrix has it.
std::int64_t parts_of_product(std::int64_t batch, std::int64_t m, double multiplications) {
  const auto worthwhile = static_cast<std::int64_t>(std::min(16.0, multiplications / 4e6));
  return std::clamp<std::int64_t>(std::min(worthwhile, 16 / batch), 1, m);
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
    const double multiplications = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
    const std::int64_t parts = parts_of_product(batch, m, multiplications);
    const auto multiply = [&](std::int64_t task) {
      const std::int64_t i = task / parts, first = task % parts * m / parts,
                         last = (task % parts + 1) * m / parts;
      cxxblas::gemm(cxxblas::RowMajor, transpose_a ? Trans : NoTrans, transpose_b ? Trans : NoTrans,
                    static_cast<int>(last - first), static_cast<int>(n), static_cast<int>(k), T{1},
                    a.data<T>() + i * m * k + first * (transpose_a ? 1 : k), static_cast<int>(columns(a)),
                    b.data<T>() + i * k * n, static_cast<int>(columns(b)), T{0}, out + (i * m + first) * n,
                    static_cast<int>(n));
    };
    // Waking a thread takes as long as some ten thousand multiplications.
    if (static_cast<double>(batch) * multiplications < 1e5) {
      for (std::int64_t i = 0; i < batch; ++i) multiply(i);
    } else {
      parallel_for(batch * parts, multiply);
    }
  });
  return c;
}

}  // namespace taper::kernels
