// The one file that includes xtensor-blas.
#include "gemm.hpp"

#include "../../../core/fail.hpp"
#include "../../../core/threads.hpp"
#include "../../../core/xtensor.hpp"
#include "../backend.hpp"
#include "../elementwise/elementwise.hpp"
#include "openblas.hpp"

#include <algorithm>
#include <limits>

#include <xtensor-blas/xblas.hpp>

#ifndef HAVE_CBLAS
#error "Without HAVE_CBLAS xtensor-blas multiplies matrices by its own, slow loops"
#endif

extern "C" void cblas_somatcopy(int order, int transpose, int rows, int columns, float factor,
                                const float* from, int from_stride, float* to, int to_stride);

namespace taper::kernels {
namespace {

// Into how many parts each of `batch` products is divided. This must not depend on the number of threads,
// because how OpenBLAS rounds a row depends on the row's place in its matrix.
struct Parts {
  std::int64_t rows = 1;   // of op(A) and C
  std::int64_t depth = 1;  // of the inner dimension; the matrices that the parts give are added up
};

// No more than 16 parts in all, of 4 million multiplications at least. OpenBLAS copies op(B) for each part,
// which takes as long as some 20 rows of the product, so that a part should have many rows. A weight's
// gradient, X^T dY, has few rows and a long inner dimension; divided along that, nothing is copied twice.
Parts product_parts(std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t k) {
  const double multiplications = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  const auto worthwhile = static_cast<std::int64_t>(std::min(16.0, multiplications / 4e6));
  const std::int64_t wanted = std::min(worthwhile, 16 / batch);
  const auto at_most = [wanted](std::int64_t parts) {
    return std::clamp<std::int64_t>(wanted, 1, std::max<std::int64_t>(parts, 1));
  };
  constexpr std::int64_t max_elements = std::int64_t{1} << 24;  // of all the matrices that are added up
  const Parts by_rows{.rows = at_most(m / 128)};
  const Parts by_depth{.depth = at_most(std::min(k / 512, max_elements / (m * n)))};
  if (std::max(by_rows.rows, by_depth.depth) == 1) return {.rows = at_most(m)};
  return by_rows.rows >= by_depth.depth ? by_rows : by_depth;
}

// How long slices along one extent may be if the other two extents are m and n; 0: slices are not worth it.
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

// The product to compute. Throws if a and b do not fit together.
ProductCall checked_product(const char* op, int rank, const Tensor& a, const Tensor& b, bool transpose_a,
                            bool transpose_b) {
  check_given(op, "a", a, "b", b);
  if (a.rank() != rank || b.rank() != rank) {
    fail(op, "wanted two tensors of rank ", rank, ": a is ", a.shape(), ", b is ", b.shape());
  }
  common_kind(op, a, b);
  const std::int64_t batch = rank == 3 ? a.extent(0) : 1;
  const ProductCall call{transpose_a,
                         transpose_b,
                         batch,
                         a.extent(transpose_a ? -1 : -2),
                         b.extent(transpose_b ? -2 : -1),
                         a.extent(transpose_a ? -2 : -1)};
  if (rank == 3 && b.extent(0) != batch)
    fail(op, "batch sizes differ: a is ", a.shape(), ", b is ", b.shape());
  if (call.k != b.extent(transpose_b ? -1 : -2)) {
    fail(op, "inner dimensions differ: a is ", a.shape(), transpose_a ? " transposed" : "", ", b is ",
         b.shape(), transpose_b ? " transposed" : "");
  }
  if (std::max({call.m, call.n, call.k}) > std::numeric_limits<int>::max()) {
    fail(op, "a matrix is larger than BLAS can address: a is ", a.shape(), ", b is ", b.shape());
  }
  return call;
}

// One call's product, divided into tasks. Rows of C are counted through the whole batch.
template <class T>
class Multiplication {
 public:
  // bias may be null. `op` names the owner of the memory for the matrices that are added up.
  Multiplication(const char* op, const ProductCall& call, const T* a, const T* b, const T* bias, T* c)
      : call_(call),
        a_(a),
        b_(b),
        bias_(bias),
        c_(c),
        may_use_threads_(may_use_threads(call.m, call.n, call.k)),
        parts_(product_parts(call.batch, call.m, call.n, call.k)),
        slice_rows_(call.m),
        slice_depth_(call.k) {
    if (parts_.depth > 1)
      pieces_ = Tensor::uninitialized(op, {call.batch, parts_.depth, call.m, call.n}, dtype_of<T>);
    if (sizeof(T) == 4 && !call.transpose_b && call.k > 0 && has_kernels_for_slices()) {
      std::int64_t& sliced = call.transpose_a ? slice_depth_ : slice_rows_;
      const std::int64_t other = call.transpose_a ? (call.m + parts_.rows - 1) / parts_.rows
                                                  : (call.k + parts_.depth - 1) / parts_.depth;
      if (const std::int64_t length = slice_length(call.n, other)) sliced = length;
    }
  }

  void run() {
    const ProductCall& p = call_;
    if (p.k == 0) return start_rows(0, p.batch * p.m);  // an empty sum
    const OpenBlasCalls calls(may_use_threads_);
    // Waking a thread takes as long as some ten thousand multiplications.
    const std::int64_t tasks = p.batch * parts_.rows * parts_.depth;
    if (calls.is_alone() ||
        static_cast<double>(p.m * p.n) * static_cast<double>(p.k) * static_cast<double>(p.batch) < 1e5) {
      for (std::int64_t task = 0; task < tasks; ++task) multiply(task);
    } else {
      parallel_for(tasks, [this](std::int64_t task) { multiply(task); });
    }
    if (parts_.depth > 1) add_pieces();
  }

 private:
  // Fills C's rows [first, last) with what products are added to: the bias, or 0.
  void start_rows(std::int64_t first, std::int64_t last) {
    const std::int64_t n = call_.n;
    if (!bias_) return static_cast<void>(std::fill(c_ + first * n, c_ + last * n, T{0}));
    for (std::int64_t r = first; r < last; ++r) std::copy_n(bias_, n, c_ + r * n);
  }

  // One part of one matrix, slice by slice.
  void multiply(std::int64_t task) {
    using cxxblas::NoTrans, cxxblas::Trans;
    const auto [transpose_a, transpose_b, batch, m, n, k] = call_;
    const OneOpenMpThread one(may_use_threads_);
    const std::int64_t i = task / (parts_.rows * parts_.depth), row = task / parts_.depth % parts_.rows;
    const std::int64_t piece = task % parts_.depth;
    const std::int64_t first = row * m / parts_.rows, last = (row + 1) * m / parts_.rows;
    const std::int64_t from = piece * k / parts_.depth, until = (piece + 1) * k / parts_.depth;
    T* const to =
        pieces_ ? pieces_.template mutable_data<T>() + (i * parts_.depth + piece) * m * n : c_ + i * m * n;
    const bool adds = bias_ && !pieces_;
    if (adds) start_rows(i * m + first, i * m + last);
    for (std::int64_t r = first; r < last; r += slice_rows_) {
      for (std::int64_t p = from; p < until; p += slice_depth_) {
        cxxblas::gemm(cxxblas::RowMajor, transpose_a ? Trans : NoTrans, transpose_b ? Trans : NoTrans,
                      static_cast<int>(std::min(slice_rows_, last - r)), static_cast<int>(n),
                      static_cast<int>(std::min(slice_depth_, until - p)), T{1},
                      a_ + i * m * k + (transpose_a ? p * m + r : r * k + p),
                      static_cast<int>(transpose_a ? m : k), b_ + i * k * n + p * (transpose_b ? 1 : n),
                      static_cast<int>(transpose_b ? k : n), adds || p > from ? T{1} : T{0}, to + r * n,
                      static_cast<int>(n));
      }
    }
  }

  // C = the sum of the pieces, in their order.
  void add_pieces() {
    const std::int64_t size = call_.m * call_.n;
    start_rows(0, call_.batch * call_.m);
    for (std::int64_t piece = 0; piece < call_.batch * parts_.depth; ++piece) {
      T* const sum = c_ + piece / parts_.depth * size;
      const T* const term = pieces_.template data<T>() + piece * size;
      parallel_ranges(size, part_size, [=](std::int64_t begin, std::int64_t end) {
        for (std::int64_t j = begin; j < end; ++j) sum[j] += term[j];
      });
    }
  }

  const ProductCall call_;
  const T *const a_, *const b_, *const bias_;
  T* const c_;
  const bool may_use_threads_;
  const Parts parts_;
  std::int64_t slice_rows_, slice_depth_;  // of each part
  Tensor pieces_;                          // the matrices that are added up, if there are several
};

// Both forms of gemm; the bias may be an empty handle.
Tensor product(const char* op, int rank, const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b,
               const Tensor& bias) {
  const ProductCall call = checked_product(op, rank, a, b, transpose_a, transpose_b);
  Tensor c = Tensor::uninitialized(op, rank == 3 ? Shape{call.batch, call.m, call.n} : Shape{call.m, call.n},
                                   a.kind());
  if (c.size() == 0) return c;
  if (const Backend* backend = backend_of(a)) {
    backend->multiply(call, a, b, bias ? &bias : nullptr, c);
    return c;
  }
  if (transpose_b && !transpose_a && rank == 2 && a.dtype() == float32 && call.m >= 256 && call.k > 0 &&
      has_kernels_for_slices() && slice_length(call.n, call.k) > 0) {
    return product(op, rank, a, transposed(op, b), false, false, bias);  // which can be cut into slices
  }
  dispatch(a.dtype(), [&]<class T>() {
    Multiplication<T>(op, call, a.data<T>(), b.data<T>(), bias ? bias.data<T>() : nullptr,
                      c.mutable_data<T>())
        .run();
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
