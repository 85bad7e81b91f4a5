// Products with a sparse matrix, compiled for each instruction set. A single row x meets each row of W where it is
// stored. With several rows, x is transposed first: an element of W then meets a run of consecutive numbers, one
// for each row of x.
// clang-format off: foreach_target.h includes this file again, and the order matters
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/product/sparse_product.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "../../../core/create.hpp"
#include "../../../core/memory/pool.hpp"
#include "../../../core/threads.hpp"
#include "../layout/gather.hpp"
#include "../layout/swap_axes.hpp"
#include "../vectors-inl.hpp"
#include "gemm.hpp"
#include "sparse_product.hpp"

#include <algorithm>

#ifndef TAPER_SPARSE_PRODUCT
#define TAPER_SPARSE_PRODUCT
namespace taper::kernels {

// W, and a stretch of its rows.
template <class T>
struct SparseStretch {
  const std::int32_t *starts, *column_of;
  const T* values;
  std::int64_t begin, end;
};

}  // namespace taper::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// x at the columns of elements p and on.
template <class D, class T>
HWY_INLINE hn::Vec<D> gathered(D d, const T* x, const std::int32_t* column_of) {
  const hn::RebindToSigned<D> whole;
  if constexpr (sizeof(T) == sizeof(std::int32_t)) {
    return hn::GatherIndex(d, x, hn::LoadU(whole, column_of));
  } else {
    return hn::GatherIndex(d, x, hn::PromoteTo(whole, hn::LoadU(hn::Rebind<std::int32_t, D>(), column_of)));
  }
}

// y_i = sum_j W_ij x_j: whole vectors of a row, and its last elements one by one.
template <class T>
void multiply_one(const SparseStretch<T>& w, const T* x, T* y) {
  const hn::ScalableTag<T> d;
  const hn::CappedTag<T, 1> one;
  constexpr std::int64_t lanes = lanes_of<T>;
  for (std::int64_t i = w.begin; i < w.end; ++i) {
    std::int64_t p = w.starts[i];
    const std::int64_t end = w.starts[i + 1];
    auto sum = hn::Zero(d), other = sum;
    const auto plus = [&](auto to, std::int64_t q) HWY_ATTR {
      return hn::MulAdd(hn::LoadU(d, w.values + q), gathered(d, x, w.column_of + q), to);
    };
    for (; p + 2 * lanes <= end; p += 2 * lanes) sum = plus(sum, p), other = plus(other, p + lanes);
    if (p + lanes <= end) sum = plus(sum, p), p += lanes;
    hn::Vec<decltype(one)> rest[4] = {hn::Zero(one), hn::Zero(one), hn::Zero(one), hn::Zero(one)};
    const auto add = [&](int k, std::int64_t q) HWY_ATTR {
      rest[k] = hn::MulAdd(hn::LoadU(one, w.values + q), hn::LoadU(one, x + w.column_of[q]), rest[k]);
    };
    for (; p + 4 <= end; p += 4) add(0, p), add(1, p + 1), add(2, p + 2), add(3, p + 3);
    for (; p < end; ++p) add(0, p);
    const T last = hn::GetLane(hn::Add(hn::Add(rest[0], rest[1]), hn::Add(rest[2], rest[3])));
    y[i] = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum, other))) + last;
  }
}

// Columns [begin, end) of C = W B, for B (W's columns, n) and C (W's rows, n).
template <class T>
void multiply_columns(const SparseStretch<T>& w, const T* b, T* c, std::int64_t n, std::int64_t begin,
                      std::int64_t end) {
  for (std::int64_t i = w.begin; i < w.end; ++i) {
    for_each_vector<T>(
        end - begin, [=, from = w.starts[i], to = w.starts[i + 1]](auto d, std::int64_t j) HWY_ATTR {
          const T* const column = b + begin + j;
          hn::Vec<decltype(d)> sums[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
          const auto add = [&](int k, std::int64_t p) HWY_ATTR {
            sums[k] = hn::MulAdd(hn::Set(d, w.values[p]), hn::LoadU(d, column + w.column_of[p] * n), sums[k]);
          };
          std::int64_t p = from;
          for (; p + 4 <= to; p += 4) {
            for (int k = 0; k < 4; ++k) add(k, p + k);
          }
          for (; p < to; ++p) add(0, p);
          hn::StoreU(hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3])), d, c + i * n + begin + j);
        });
  }
}

// Columns [begin, end) of C += W^T B, for B (W's rows, n) and C (W's columns, n).
template <class T>
void multiply_transposed(const SparseStretch<T>& w, const T* b, T* c, std::int64_t n, std::int64_t begin,
                         std::int64_t end) {
  for (std::int64_t i = w.begin; i < w.end; ++i) {
    for_each_vector<T>(end - begin,
                       [=, from = w.starts[i], to = w.starts[i + 1]](auto d, std::int64_t j) HWY_ATTR {
                         const auto factor = hn::LoadU(d, b + i * n + begin + j);
                         for (std::int64_t p = from; p < to; ++p) {
                           T* const sum = c + w.column_of[p] * n + begin + j;
                           hn::StoreU(hn::MulAdd(hn::Set(d, w.values[p]), factor, hn::LoadU(d, sum)), d, sum);
                         }
                       });
  }
}

// out_p = sum_r A_ir B_jr for each element p at (i, j), for A (W's rows, n) and B (W's columns, n).
template <class T>
void sample(const SparseStretch<T>& w, const T* a, const T* b, std::int64_t n, T* out) {
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = lanes_of<T>;
  for (std::int64_t i = w.begin; i < w.end; ++i) {
    const T* const x = a + i * n;
    for (std::int64_t p = w.starts[i]; p < w.starts[i + 1]; ++p) {
      const T* const y = b + w.column_of[p] * n;
      auto sum = hn::Zero(d), other = hn::Zero(d);
      std::int64_t r = 0;
      for (; r + 2 * lanes <= n; r += 2 * lanes) {
        sum = hn::MulAdd(hn::LoadU(d, x + r), hn::LoadU(d, y + r), sum);
        other = hn::MulAdd(hn::LoadU(d, x + r + lanes), hn::LoadU(d, y + r + lanes), other);
      }
      T total = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum, other)));
      for (; r < n; ++r) total += x[r] * y[r];
      out[p] = total;
    }
  }
}

TAPER_NAME_BOTH(multiply_one);
TAPER_NAME_BOTH(multiply_columns);
TAPER_NAME_BOTH(multiply_transposed);
TAPER_NAME_BOTH(sample);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(multiply_one);
TAPER_EXPORT_BOTH(multiply_columns);
TAPER_EXPORT_BOTH(multiply_transposed);
TAPER_EXPORT_BOTH(sample);

template <class T>
SparseStretch<T> stretch(const CompressedRows& places, const T* values, std::int64_t begin,
                         std::int64_t end) {
  return {places.starts(), places.column_of(), values, begin, end};
}

// How many rows of W are worth a thread's while, if each stored element costs so many operations.
std::int64_t rows_of_a_part(const CompressedRows& places, std::int64_t cost) {
  return 1 + part_size * places.rows() / (1 + places.size() * cost);
}

Tensor swapped(const char* op, const Tensor& x) {
  return swap_axes(op, {1, x.extent(0), 1, x.extent(1), 1}, x, {x.extent(1), x.extent(0)});
}

// W (rows, columns) with all its zeros.
Tensor whole(const char* op, const CompressedRows& places, const Tensor& values) {
  return scatter_add(op, values, places.places(), 0, {places.rows() * places.columns()})
      .view({places.rows(), places.columns()});
}

// y = x W for a single row x.
template <class T>
void multiply_one_transposed(const SparseStretch<T>& w, const T* x, T* y) {
  for (std::int64_t i = w.begin; i < w.end; ++i) {
    for (std::int64_t p = w.starts[i]; p < w.starts[i + 1]; ++p) y[w.column_of[p]] += w.values[p] * x[i];
  }
}

}  // namespace

Tensor sparse_product(const char* op, const Tensor& x, const CompressedRows& places, const Tensor& values,
                      bool transposes) {
  if (backend_of(x)) return gemm(op, 2, x, whole(op, places, values), false, !transposes);
  const std::int64_t n = x.extent(0), rows = places.rows(), outputs = transposes ? places.columns() : rows;
  if (n == 1) {
    Tensor y = transposes ? zeros({1, outputs}, x.kind()) : Tensor::uninitialized(op, {1, outputs}, x.kind());
    dispatch(x.dtype(), [&]<class T>() {
      const T *const in = x.data<T>(), *const w = values.data<T>();
      T* const out = y.mutable_data<T>();
      if (transposes) return multiply_one_transposed(stretch(places, w, 0, rows), in, out);
      parallel_ranges(rows, rows_of_a_part(places, 1), [&](std::int64_t begin, std::int64_t end) {
        multiply_one<T>(stretch(places, w, begin, end), in, out);
      });
    });
    return y;
  }
  const Tensor from = swapped(op, x);
  Tensor y = transposes ? zeros({outputs, n}, x.kind()) : Tensor::uninitialized(op, {outputs, n}, x.kind());
  dispatch(x.dtype(), [&]<class T>() {
    const SparseStretch<T> w = stretch(places, values.data<T>(), 0, rows);
    const T* const in = from.data<T>();
    T* const out = y.mutable_data<T>();
    constexpr std::int64_t columns = 128 / sizeof(T);  // two cache lines
    const std::int64_t parts = 1 + part_size / (1 + columns * places.size());
    parallel_ranges((n + columns - 1) / columns, parts, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t part = begin; part < end; ++part) {
        const std::int64_t first = part * columns, last = std::min(n, first + columns);
        transposes ? multiply_transposed<T>(w, in, out, n, first, last)
                   : multiply_columns<T>(w, in, out, n, first, last);
      }
    });
  });
  return swapped(op, y);
}

Tensor sampled_product(const char* op, const Tensor& a, const Tensor& b, const CompressedRows& places) {
  if (backend_of(a)) {
    const Tensor product = gemm(op, 2, a, b, true, false);
    return gather(op, product.view({product.size()}), places.places(), 0, {places.size()});
  }
  Tensor result = Tensor::uninitialized(op, {places.size()}, a.kind());
  const Tensor of_a = swapped(op, a), of_b = swapped(op, b);
  dispatch(a.dtype(), [&]<class T>() {
    const T *const x = of_a.data<T>(), *const y = of_b.data<T>();
    T* const out = result.mutable_data<T>();
    const std::int64_t n = a.extent(0);
    parallel_ranges(places.rows(), rows_of_a_part(places, n), [&](std::int64_t begin, std::int64_t end) {
      sample<T>(stretch<T>(places, nullptr, begin, end), x, y, n, out);
    });
  });
  return result;
}

template <class T>
void SparseFactor<T>::multiply(std::int64_t rows, const T* x, T* c) const {
  const std::int64_t inputs = transposes ? places.rows() : places.columns(),
                     outputs = transposes ? places.columns() : places.rows();
  const SparseStretch<T> w = stretch(places, values, 0, places.rows());
  if (rows == 1) {
    if (!transposes) {
      return parallel_ranges(w.end, rows_of_a_part(places, 1), [&](std::int64_t begin, std::int64_t end) {
        multiply_one<T>(stretch(places, values, begin, end), x, c);
      });
    }
    return multiply_one_transposed(w, x, c);
  }
  internal::PoolVector<T> in(static_cast<std::size_t>(rows * inputs)),
      out(static_cast<std::size_t>(rows * outputs), T{0});
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t j = 0; j < inputs; ++j) in[static_cast<std::size_t>(j * rows + r)] = x[r * inputs + j];
  }
  transposes ? multiply_transposed<T>(w, in.data(), out.data(), rows, 0, rows)
             : multiply_columns<T>(w, in.data(), out.data(), rows, 0, rows);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t j = 0; j < outputs; ++j) {
      const T value = out[static_cast<std::size_t>(j * rows + r)];
      T& to = c[r * outputs + j];
      to = transposes ? to + value : value;
    }
  }
}

template struct SparseFactor<float>;
template struct SparseFactor<double>;

}  // namespace taper::kernels
#endif
