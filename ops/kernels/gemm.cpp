// The one file that includes xtensor-blas.
#include <taper/core/fail.hpp>
#include <taper/core/threads.hpp>
#include <taper/core/xtensor.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/kernels/gemm.hpp>

#include <algorithm>
#include <limits>
#include <string_view>

#include <xtensor-blas/xblas.hpp>

#ifndef HAVE_CBLAS
#error "Without HAVE_CBLAS xtensor-blas multiplies matrices by its own, slow loops"
#endif

extern "C" {  // <cblas.h> clashes with xtensor-blas
void openblas_set_num_threads(int count);
char* openblas_get_corename();
void cblas_somatcopy(int order, int transpose, int rows, int columns, float factor, const float* from,
                     int from_stride, float* to, int to_stride);
}

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
  constexpr std::int64_t most_elements = std::int64_t{1} << 24;  // of all the matrices that are added up
  const Parts by_rows{.rows = at_most(m / 128)};
  const Parts by_depth{.depth = at_most(std::min(k / 512, most_elements / (m * n)))};
  if (std::max(by_rows.rows, by_depth.depth) == 1) return {.rows = at_most(m)};
  return by_rows.rows >= by_depth.depth ? by_rows : by_depth;
}

// On processors with AVX-512, OpenBLAS has float32 kernels for products of up to a million multiplications
// which copy nothing beforehand. They ran at 112 GF/s where the others reached 96, so that it pays to cut a
// product with a small matrix into slices of that size.
constexpr std::int64_t largest_slice = 1'000'000;
bool has_kernels_for_slices() {
  static const bool has = [] {
    const std::string_view core = openblas_get_corename();
    return core == "SkylakeX" || core == "Cooperlake" || core == "SapphireRapids";
  }();
  return has;
}

// How long slices along one extent may be when the other two are m and n; 0: not worth it.
std::int64_t slice_length(std::int64_t m, std::int64_t n) {
  const std::int64_t length = largest_slice / (m * n);
  return length < 24 ? 0 : length;
}

// b^T of a matrix.
Tensor transposed(const char* op, const Tensor& b) {
  const std::int64_t rows = b.extent(0), columns = b.extent(1);
  Tensor result = Tensor::uninitialized(op, {columns, rows}, b.dtype());
  constexpr int row_major = 101, trans = 112;  // as CBLAS numbers them
  cblas_somatcopy(row_major, trans, static_cast<int>(rows), static_cast<int>(columns), 1, b.data<float>(),
                  static_cast<int>(columns), result.mutable_data<float>(), static_cast<int>(rows));
  return result;
}

// Both forms of gemm; the bias may be an empty handle.
Tensor product(const char* op, int rank, const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
               const Tensor& bias) {
  if (a.rank() != rank || b.rank() != rank) {
    fail(op, "wanted two tensors of rank ", rank, ": a is ", a.shape(), ", b is ", b.shape());
  }
  const Kind kind = common_kind(op, a, b);
  const DType dtype = kind.dtype;
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

  const Shape shape = rank == 3 ? Shape{batch, m, n} : Shape{m, n};
  if (const Backend* backend = backend_of(a)) {
    Tensor c = Tensor::uninitialized(op, shape, kind);
    if (c.size() != 0)
      backend->multiply({transpose_a, transpose_b, batch, m, n, k}, a, b, bias ? &bias : nullptr, c);
    return c;
  }
  if (transpose_b && !transpose_a && rank == 2 && dtype == float32 && m >= 256 && n > 0 && k > 0 &&
      has_kernels_for_slices() && slice_length(n, k) > 0) {
    return product(op, rank, a, transposed(op, b), false, false, bias);  // which can be cut into slices
  }

  Tensor c = Tensor::uninitialized(op, shape, kind);
  dispatch(dtype, [&]<class T>() {
    T* out = c.mutable_data<T>();
    if (c.size() == 0) return;
    // Rows [first, last) of all, before products are added to them.
    const auto start_rows = [&](std::int64_t first, std::int64_t last) {
      if (!bias) return static_cast<void>(std::fill(out + first * n, out + last * n, T{0}));
      for (std::int64_t r = first; r < last; ++r) std::copy_n(bias.data<T>(), n, out + r * n);
    };
    if (k == 0) return start_rows(0, batch * m);  // an empty sum
    using cxxblas::NoTrans, cxxblas::Trans;
    make_openblas_single_threaded();
    const Parts parts = parts_of_product(batch, m, n, k);
    Tensor pieces;  // of the products that are added up
    if (parts.depth > 1) pieces = Tensor::uninitialized(op, {batch, parts.depth, m, n}, dtype);
    T* const to = parts.depth > 1 ? pieces.mutable_data<T>() : out;
    const bool adds = bias && parts.depth == 1;
    std::int64_t slice_rows = m, slice_depth = k;  // of each part
    if (sizeof(T) == 4 && !transpose_b && has_kernels_for_slices()) {
      std::int64_t& sliced = transpose_a ? slice_depth : slice_rows;
      const std::int64_t other =
          transpose_a ? (m + parts.rows - 1) / parts.rows : (k + parts.depth - 1) / parts.depth;
      if (const std::int64_t length = slice_length(n, other)) sliced = length;
    }
    const auto multiply = [&](std::int64_t task) {
      const std::int64_t i = task / (parts.rows * parts.depth), row = task / parts.depth % parts.rows;
      const std::int64_t piece = task % parts.depth;
      const std::int64_t first = row * m / parts.rows, last = (row + 1) * m / parts.rows;
      const std::int64_t from = piece * k / parts.depth, until = (piece + 1) * k / parts.depth;
      if (adds) start_rows(i * m + first, i * m + last);
      for (std::int64_t r = first; r < last; r += slice_rows) {
        for (std::int64_t p = from; p < until; p += slice_depth) {
          cxxblas::gemm(cxxblas::RowMajor, transpose_a ? Trans : NoTrans, transpose_b ? Trans : NoTrans,
                        static_cast<int>(std::min(slice_rows, last - r)), static_cast<int>(n),
                        static_cast<int>(std::min(slice_depth, until - p)), T{1},
                        a.data<T>() + i * m * k + (transpose_a ? p * m + r : r * k + p),
                        static_cast<int>(columns(a)), b.data<T>() + i * k * n + p * (transpose_b ? 1 : n),
                        static_cast<int>(columns(b)), adds || p > from ? T{1} : T{0},
                        to + ((i * parts.depth + piece) * m + r) * n, static_cast<int>(n));
        }
      }
    };
    // Waking a thread takes as long as some ten thousand multiplications.
    const std::int64_t tasks = batch * parts.rows * parts.depth;
    if (static_cast<double>(m * n) * static_cast<double>(k) * static_cast<double>(batch) < 1e5) {
      for (std::int64_t task = 0; task < tasks; ++task) multiply(task);
    } else {
      parallel_for(tasks, multiply);
    }
    if (parts.depth == 1) return;
    start_rows(0, batch * m);
    for (std::int64_t piece = 0; piece < batch * parts.depth; ++piece) {
      T* const sum = out + piece / parts.depth * m * n;
      const T* const term = to + piece * m * n;
      parallel_ranges(m * n, elements_of_part, [=](std::int64_t begin, std::int64_t end) {
        for (std::int64_t j = begin; j < end; ++j) sum[j] += term[j];
      });
    }
  });
  return c;
}

}  // namespace

Tensor gemm(const char* op, int rank, const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  return product(op, rank, a, b, transpose_a, transpose_b, {});
}

Tensor gemm(const char* op, const Tensor& a, const Tensor& b, const Tensor& bias) {
  return product(op, 2, a, b, false, false, bias);
}

}  // namespace taper::kernels
