// The products with a sparse pattern. A row of a result is summed up by one thread, in the order of its
// slots, so that no result depends on the number of threads. What some rows need is compiled for each
// instruction set.
// clang-format off: foreach_target.h includes this file again, and the order matters
#include <taper/ops/kernels/simd.hpp>
#define HWY_TARGET_INCLUDE "taper/ops/kernels/support.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include <taper/core/threads.hpp>
#include <taper/ops/kernels/backend.hpp>
#include <taper/ops/kernels/support.hpp>

#include <algorithm>
#include <limits>

#ifndef TAPER_SUPPORT_OPERANDS
#define TAPER_SUPPORT_OPERANDS
namespace taper::kernels {

// Of a product, as plain pointers: `left` has the weights or, in dot products, rows; the others always rows,
// of `width` elements.
template <class T>
struct Operands {
  const Support& support;
  std::int64_t width;
  const T* left;
  const T* right;
  T* y;
};

// RowRange [first, last) of problem b, which is what a thread takes at a time.
struct RowRange {
  std::int64_t b, first, last;
};

}  // namespace taper::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// y[c … c + vectors * lanes) = sum over s of weight(s) * x[rows[s]], kept in registers.
template <int vectors, class T, class Weight>
HWY_INLINE void sum_columns(std::int64_t count, const Weight& weight, const std::int32_t* rows, const T* x,
                            std::int64_t width, std::int64_t c, T* y) {
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d);
  hn::Vec<decltype(d)> sums[vectors];
  for (auto& sum : sums) sum = hn::Zero(d);
  for (std::int64_t s = 0; s < count; ++s) {
    const auto factor = hn::Set(d, weight(s));
    const T* row = x + rows[s] * width + c;
    for (int v = 0; v < vectors; ++v) sums[v] = hn::MulAdd(factor, hn::LoadU(d, row + v * lanes), sums[v]);
  }
  for (int v = 0; v < vectors; ++v) hn::StoreU(sums[v], d, y + c + v * lanes);
}

// y = sum over s of weight(s) * x[rows[s]], for rows of `width` elements.
template <class T, class Weight>
HWY_INLINE void weighted_sum(std::int64_t count, const Weight& weight, const std::int32_t* rows, const T* x,
                             std::int64_t width, T* y) {
  const std::int64_t lanes = hn::Lanes(hn::ScalableTag<T>());
  std::int64_t c = 0;
  for (; c + 8 * lanes <= width; c += 8 * lanes) sum_columns<8>(count, weight, rows, x, width, c, y);
  for (; c + 4 * lanes <= width; c += 4 * lanes) sum_columns<4>(count, weight, rows, x, width, c, y);
  for (; c + 2 * lanes <= width; c += 2 * lanes) sum_columns<2>(count, weight, rows, x, width, c, y);
  for (; c + lanes <= width; c += lanes) sum_columns<1>(count, weight, rows, x, width, c, y);
  for (; c < width; ++c) {
    T sum = 0;
    for (std::int64_t s = 0; s < count; ++s) sum += weight(s) * x[rows[s] * width + c];
    y[c] = sum;
  }
}

#if HWY_TARGET != HWY_SCALAR
// The sums of the lanes of four vectors, side by side.
template <class V>
HWY_INLINE void store_sums(V v0, V v1, V v2, V v3, float* to) {
  const hn::ScalableTag<float> d;
  // Within each block of four lanes: first the sums of two lanes of v0 and v2 and of v1 and v3, then of all.
  const auto even = hn::Add(hn::InterleaveLower(d, v0, v2), hn::InterleaveUpper(d, v0, v2));
  const auto odd = hn::Add(hn::InterleaveLower(d, v1, v3), hn::InterleaveUpper(d, v1, v3));
  const auto sums = hn::Add(hn::InterleaveLower(d, even, odd), hn::InterleaveUpper(d, even, odd));
  HWY_ALIGN float blocks[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(sums, d, blocks);
  const hn::FixedTag<float, 4> block;
  auto total = hn::Load(block, blocks);
  for (std::size_t i = 4; i < hn::Lanes(d); i += 4) total = hn::Add(total, hn::Load(block, blocks + i));
  hn::StoreU(total, block, to);
}

// The same for rows of whole vectors of float32, four rows at a time, as far as they go. Returns how many
// rows that were.
HWY_INLINE std::int64_t dot_fours(std::int64_t count, const float* x, const std::int32_t* columns,
                                  const float* rows, std::int64_t width, float* y) {
  const hn::ScalableTag<float> d;
  const std::int64_t lanes = hn::Lanes(d);
  if (width % lanes != 0) return 0;
  std::int64_t s = 0;
  for (; s + 4 <= count; s += 4) {
    const float* row[4];
    for (int r = 0; r < 4; ++r) row[r] = rows + columns[s + r] * width;
    auto sum0 = hn::Zero(d), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    for (std::int64_t c = 0; c < width; c += lanes) {
      const auto left = hn::LoadU(d, x + c);
      sum0 = hn::MulAdd(left, hn::LoadU(d, row[0] + c), sum0);
      sum1 = hn::MulAdd(left, hn::LoadU(d, row[1] + c), sum1);
      sum2 = hn::MulAdd(left, hn::LoadU(d, row[2] + c), sum2);
      sum3 = hn::MulAdd(left, hn::LoadU(d, row[3] + c), sum3);
    }
    store_sums(sum0, sum1, sum2, sum3, y + s);
  }
  return s;
}

#else
HWY_INLINE std::int64_t dot_fours(std::int64_t, const float*, const std::int32_t*, const float*, std::int64_t,
                                  float*) {
  return 0;
}
#endif

// y[s] = x . rows[s], for rows of `width` elements.
template <class T>
HWY_INLINE void dot_each(std::int64_t count, const T* x, const std::int32_t* columns, const T* rows,
                         std::int64_t width, T* y) {
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d);
  std::int64_t s = 0;
  if constexpr (sizeof(T) == 4) s = dot_fours(count, x, columns, rows, width, y);
  for (; s < count; ++s) {
    const T* row = rows + columns[s] * width;
    auto sum0 = hn::Zero(d), sum1 = hn::Zero(d);
    std::int64_t c = 0;
    for (; c + 2 * lanes <= width; c += 2 * lanes) {
      sum0 = hn::MulAdd(hn::LoadU(d, x + c), hn::LoadU(d, row + c), sum0);
      sum1 = hn::MulAdd(hn::LoadU(d, x + c + lanes), hn::LoadU(d, row + c + lanes), sum1);
    }
    T sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
    for (; c < width; ++c) sum += x[c] * row[c];
    y[s] = sum;
  }
}

constexpr std::int64_t ahead = 4;  // rows

// Asks the memory for rows of x that will soon be needed: they lie anywhere, so that the processor can't
// guess them.
template <class T>
HWY_INLINE void prefetch_rows(const std::int32_t* rows, std::int64_t count, const T* x, std::int64_t width) {
  for (std::int64_t s = 0; s < count; ++s) {
    const T* const row = x + rows[s] * width;
    for (std::int64_t c = 0; c < width; c += 64 / static_cast<std::int64_t>(sizeof(T)))
      hwy::Prefetch(row + c);
  }
}

template <class T>
HWY_INLINE void gather(const Operands<T>& a, const RowRange& rows) {
  const Support& s = a.support;
  const T* const x = a.right + rows.b * s.m * a.width;
  for (std::int64_t i = rows.first; i < rows.last; ++i) {
    const std::int64_t row = rows.b * s.n + i, size = s.sizes[row];
    T* const y = a.y + row * a.width;
    if (size == Support::spoilt) {
      std::fill_n(y, a.width, std::numeric_limits<T>::quiet_NaN());
      continue;
    }
    const std::int32_t* const columns = s.columns.data() + row * s.k;
    if (i + ahead < s.n) prefetch_rows(columns + ahead * s.k, s.sizes[row + ahead], x, a.width);
    const T* const weights = a.left + row * s.k;
    weighted_sum(
        size, [=](std::int64_t slot) HWY_ATTR { return weights[slot]; }, columns, x, a.width, y);
  }
}

// Here the rows are those of the transposed pattern.
template <class T>
HWY_INLINE void scatter(const Operands<T>& a, const RowRange& rows) {
  const Support& s = a.support;
  const Support::Transposed& t = s.transposed();
  const T* const x = a.right + rows.b * s.n * a.width;
  const std::int64_t* const starts = t.starts.data() + rows.b * (s.m + 1);
  for (std::int64_t j = rows.first; j < rows.last; ++j) {
    T* const y = a.y + (rows.b * s.m + j) * a.width;
    if (t.is_spoilt[rows.b]) {
      std::fill_n(y, a.width, std::numeric_limits<T>::quiet_NaN());
      continue;
    }
    if (j + ahead < s.m) {
      prefetch_rows(t.rows.data() + starts[j + ahead], starts[j + ahead + 1] - starts[j + ahead], x, a.width);
    }
    const std::int64_t* const slots = t.slots.data() + starts[j];
    const auto weight = [=, weights = a.left](std::int64_t entry) HWY_ATTR { return weights[slots[entry]]; };
    weighted_sum(starts[j + 1] - starts[j], weight, t.rows.data() + starts[j], x, a.width, y);
  }
}

template <class T>
HWY_INLINE void dot(const Operands<T>& a, const RowRange& rows) {
  const Support& s = a.support;
  const T* const x = a.right + rows.b * s.m * a.width;
  for (std::int64_t i = rows.first; i < rows.last; ++i) {
    const std::int64_t row = rows.b * s.n + i, size = s.sizes[row];
    T* const y = a.y + row * s.k;
    if (size == Support::spoilt) {
      std::fill_n(y, s.k, std::numeric_limits<T>::quiet_NaN());
      continue;
    }
    const std::int32_t* const columns = s.columns.data() + row * s.k;
    if (i + ahead < s.n) prefetch_rows(columns + ahead * s.k, s.sizes[row + ahead], x, a.width);
    dot_each(size, a.left + row * a.width, columns, x, a.width, y);
    std::fill(y + size, y + s.k, T{0});
  }
}

void gather_float32(const Operands<float>& a, const RowRange& rows) { gather(a, rows); }
void gather_float64(const Operands<double>& a, const RowRange& rows) { gather(a, rows); }
void scatter_float32(const Operands<float>& a, const RowRange& rows) { scatter(a, rows); }
void scatter_float64(const Operands<double>& a, const RowRange& rows) { scatter(a, rows); }
void dot_float32(const Operands<float>& a, const RowRange& rows) { dot(a, rows); }
void dot_float64(const Operands<double>& a, const RowRange& rows) { dot(a, rows); }

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

HWY_EXPORT(gather_float32);
HWY_EXPORT(gather_float64);
HWY_EXPORT(scatter_float32);
HWY_EXPORT(scatter_float64);
HWY_EXPORT(dot_float32);
HWY_EXPORT(dot_float64);

// The best for this machine.
void gather(const Operands<float>& a, const RowRange& rows) { HWY_DYNAMIC_DISPATCH(gather_float32)(a, rows); }
void gather(const Operands<double>& a, const RowRange& rows) {
  HWY_DYNAMIC_DISPATCH(gather_float64)(a, rows);
}
void scatter(const Operands<float>& a, const RowRange& rows) {
  HWY_DYNAMIC_DISPATCH(scatter_float32)(a, rows);
}
void scatter(const Operands<double>& a, const RowRange& rows) {
  HWY_DYNAMIC_DISPATCH(scatter_float64)(a, rows);
}
void dot(const Operands<float>& a, const RowRange& rows) { HWY_DYNAMIC_DISPATCH(dot_float32)(a, rows); }
void dot(const Operands<double>& a, const RowRange& rows) { HWY_DYNAMIC_DISPATCH(dot_float64)(a, rows); }

// Calls body(RowRange) until it had all rows of each problem.
template <class Body>
void for_rows(std::int64_t batch, std::int64_t rows, const Body& body) {
  constexpr std::int64_t chunk = 64;
  const std::int64_t chunks = (rows + chunk - 1) / chunk;
  parallel_for(batch * chunks, [&](std::int64_t task) {
    const std::int64_t first = task % chunks * chunk;
    body(RowRange{task / chunks, first, std::min(first + chunk, rows)});
  });
}

constexpr const char* op = "sparse_attention";

}  // namespace

Support::Transposed::Transposed(const Support& s)
    : starts(op, s.sizes.device(), s.batch * (s.m + 1)),
      slots(op, s.sizes.device(), s.columns.size()),
      rows(op, s.sizes.device(), s.columns.size()),
      is_spoilt(op, s.sizes.device(), s.batch) {}

const Support::Transposed& Support::transposed() const {
  std::call_once(is_transposed_, [this] {
    Transposed& t = transposed_.emplace(*this);
    if (const Backend* backend = backend_of(sizes.device())) return backend->transpose_support(*this, t);
    // A counting sort of each problem, whose entries begin where its slots do.
    parallel_for(batch, [&](std::int64_t b) {
      std::int64_t* const starts = t.starts.data() + b * (m + 1);
      std::fill_n(starts, m + 1, 0);
      for (std::int64_t i = b * n; i < (b + 1) * n; ++i) {
        for (std::int64_t slot = i * k; slot < i * k + sizes[i]; ++slot) ++starts[columns[slot]];
      }
      // From how many there are to where they end; each that is put in its place, the last first, moves that
      // back to where they begin.
      std::int64_t end = b * n * k;
      for (std::int64_t j = 0; j <= m; ++j) end = starts[j] += end;
      t.is_spoilt[b] = 0;
      for (std::int64_t i = (b + 1) * n - 1; i >= b * n; --i) {
        for (std::int64_t slot = i * k + sizes[i] - 1; slot >= i * k; --slot) {
          const std::int64_t entry = --starts[columns[slot]];
          t.slots[entry] = slot;
          t.rows[entry] = static_cast<std::int32_t>(i - b * n);
        }
        t.is_spoilt[b] |= sizes[i] == spoilt;
      }
    });
  });
  return *transposed_;
}

Tensor gather_rows(const Support& s, const Tensor& weights, const Tensor& x) {
  const std::int64_t width = x.extent(2);
  Tensor y = Tensor::uninitialized(op, {s.batch, s.n, width}, x.kind());
  if (const Backend* backend = backend_of(x)) {
    backend->gather_rows(s, weights, x, y);
    return y;
  }
  dispatch(x.dtype(), [&]<class T>() {
    const Operands<T> operands{s, width, weights.data<T>(), x.data<T>(), y.mutable_data<T>()};
    for_rows(s.batch, s.n, [&](const RowRange& rows) { gather(operands, rows); });
  });
  return y;
}

Tensor scatter_rows(const Support& s, const Tensor& weights, const Tensor& x) {
  const std::int64_t width = x.extent(2);
  Tensor y = Tensor::uninitialized(op, {s.batch, s.m, width}, x.kind());
  if (const Backend* backend = backend_of(x)) {
    backend->scatter_rows(s, weights, x, y);
    return y;
  }
  s.transposed();  // made here, by all threads
  dispatch(x.dtype(), [&]<class T>() {
    const Operands<T> operands{s, width, weights.data<T>(), x.data<T>(), y.mutable_data<T>()};
    for_rows(s.batch, s.m, [&](const RowRange& rows) { scatter(operands, rows); });
  });
  return y;
}

Tensor dot_products(const Support& s, const Tensor& x, const Tensor& y) {
  Tensor result = Tensor::uninitialized(op, {s.batch, s.n, s.k}, x.kind());
  if (const Backend* backend = backend_of(x)) {
    backend->dot_products(s, x, y, result);
    return result;
  }
  dispatch(x.dtype(), [&]<class T>() {
    const Operands<T> operands{s, x.extent(2), x.data<T>(), y.data<T>(), result.mutable_data<T>()};
    for_rows(s.batch, s.n, [&](const RowRange& rows) { dot(operands, rows); });
  });
  return result;
}

Tensor centered(const Support& s, const Tensor& weights, double factor) {
  Tensor result = Tensor::uninitialized(op, weights.shape(), weights.kind());
  if (const Backend* backend = backend_of(weights)) {
    backend->centered(s, weights, factor, result);
    return result;
  }
  dispatch(weights.dtype(), [&]<class T>() {
    const T* const from = weights.data<T>();
    T* const to = result.mutable_data<T>();
    for_rows(1, s.batch * s.n, [&](const RowRange& rows) {
      for (std::int64_t row = rows.first; row < rows.last; ++row) {
        const std::int64_t size = s.sizes[row];
        const T* const w = from + row * s.k;
        T* const out = to + row * s.k;
        if (size == Support::spoilt) {
          std::fill_n(out, s.k, std::numeric_limits<T>::quiet_NaN());
          continue;
        }
        double sum = 0;
        for (std::int64_t j = 0; j < size; ++j) sum += static_cast<double>(w[j]);
        const double mean = sum / static_cast<double>(size);
        for (std::int64_t j = 0; j < size; ++j)
          out[j] = static_cast<T>(factor * (static_cast<double>(w[j]) - mean));
        std::fill(out + size, out + s.k, T{0});
      }
    });
  });
  return result;
}

}  // namespace taper::kernels
#endif
