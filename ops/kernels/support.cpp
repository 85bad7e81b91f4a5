// The products with a sparse pattern. A row of a result is summed up by one thread, in the order of its
// slots, so that no result depends on the number of threads. What each row needs is compiled for each
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

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// y[c … c + vectors * lanes) = sum over s of weights[s] * x[rows[s]], kept in registers.
template <int vectors, class T>
HWY_INLINE void sum_columns(std::int64_t count, const T* weights, const std::int32_t* rows, const T* x,
                            std::int64_t width, std::int64_t c, T* y) {
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d);
  hn::Vec<decltype(d)> sums[vectors];
  for (auto& sum : sums) sum = hn::Zero(d);
  for (std::int64_t s = 0; s < count; ++s) {
    const auto weight = hn::Set(d, weights[s]);
    const T* row = x + rows[s] * width + c;
    for (int v = 0; v < vectors; ++v) sums[v] = hn::MulAdd(weight, hn::LoadU(d, row + v * lanes), sums[v]);
  }
  for (int v = 0; v < vectors; ++v) hn::StoreU(sums[v], d, y + c + v * lanes);
}

// y = sum over s of weights[s] * x[rows[s]], for rows of `width` elements.
template <class T>
HWY_INLINE void weighted_sum(std::int64_t count, const T* weights, const std::int32_t* rows, const T* x,
                             std::int64_t width, T* y) {
  const std::int64_t lanes = hn::Lanes(hn::ScalableTag<T>());
  std::int64_t c = 0;
  for (; c + 8 * lanes <= width; c += 8 * lanes) sum_columns<8>(count, weights, rows, x, width, c, y);
  for (; c + lanes <= width; c += lanes) sum_columns<1>(count, weights, rows, x, width, c, y);
  for (; c < width; ++c) {
    T sum = 0;
    for (std::int64_t s = 0; s < count; ++s) sum += weights[s] * x[rows[s] * width + c];
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

void weighted_sum_float32(std::int64_t count, const float* weights, const std::int32_t* rows, const float* x,
                          std::int64_t width, float* y) {
  weighted_sum(count, weights, rows, x, width, y);
}
void weighted_sum_float64(std::int64_t count, const double* weights, const std::int32_t* rows,
                          const double* x, std::int64_t width, double* y) {
  weighted_sum(count, weights, rows, x, width, y);
}
void dot_each_float32(std::int64_t count, const float* x, const std::int32_t* columns, const float* rows,
                      std::int64_t width, float* y) {
  dot_each(count, x, columns, rows, width, y);
}
void dot_each_float64(std::int64_t count, const double* x, const std::int32_t* columns, const double* rows,
                      std::int64_t width, double* y) {
  dot_each(count, x, columns, rows, width, y);
}

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

HWY_EXPORT(weighted_sum_float32);
HWY_EXPORT(weighted_sum_float64);
HWY_EXPORT(dot_each_float32);
HWY_EXPORT(dot_each_float64);

// The best for this machine.
void weighted_sum(std::int64_t count, const float* weights, const std::int32_t* rows, const float* x,
                  std::int64_t width, float* y) {
  HWY_DYNAMIC_DISPATCH(weighted_sum_float32)(count, weights, rows, x, width, y);
}
void weighted_sum(std::int64_t count, const double* weights, const std::int32_t* rows, const double* x,
                  std::int64_t width, double* y) {
  HWY_DYNAMIC_DISPATCH(weighted_sum_float64)(count, weights, rows, x, width, y);
}
void dot_each(std::int64_t count, const float* x, const std::int32_t* columns, const float* rows,
              std::int64_t width, float* y) {
  HWY_DYNAMIC_DISPATCH(dot_each_float32)(count, x, columns, rows, width, y);
}
void dot_each(std::int64_t count, const double* x, const std::int32_t* columns, const double* rows,
              std::int64_t width, double* y) {
  HWY_DYNAMIC_DISPATCH(dot_each_float64)(count, x, columns, rows, width, y);
}

// Calls body(problem, i) for i in [0, rows) of each problem, some rows a task.
template <class Body>
void for_each_row(std::int64_t batch, std::int64_t rows, const Body& body) {
  constexpr std::int64_t chunk = 64;
  const std::int64_t chunks = (rows + chunk - 1) / chunk;
  parallel_for(batch * chunks, [&](std::int64_t task) {
    const std::int64_t first = task % chunks * chunk;
    for (std::int64_t i = first; i < std::min(first + chunk, rows); ++i) body(task / chunks, i);
  });
}

// Asks the memory for rows of x that will soon be needed: they lie anywhere, so that the processor can't
// guess them.
template <class T>
void prefetch_rows(const std::int32_t* rows, std::int64_t count, const T* x, std::int64_t width) {
  for (std::int64_t s = 0; s < count; ++s) {
    const T* const row = x + rows[s] * width;
    for (std::int64_t c = 0; c < width; c += 64 / static_cast<std::int64_t>(sizeof(T)))
      hwy::Prefetch(row + c);
  }
}

constexpr std::int64_t ahead = 4;  // rows

constexpr const char* op = "sparse_attention";
template <class T>
constexpr T nan = std::numeric_limits<T>::quiet_NaN();

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
    const T* const w = weights.data<T>();
    const T* const from = x.data<T>();
    T* const to = y.mutable_data<T>();
    for_each_row(s.batch, s.n, [&](std::int64_t b, std::int64_t i) {
      const std::int64_t row = b * s.n + i;
      const std::int32_t size = s.sizes[row];
      if (size == Support::spoilt) return static_cast<void>(std::fill_n(to + row * width, width, nan<T>));
      if (i + ahead < s.n) {
        prefetch_rows(s.columns.data() + (row + ahead) * s.k, s.sizes[row + ahead], from + b * s.m * width,
                      width);
      }
      weighted_sum(size, w + row * s.k, s.columns.data() + row * s.k, from + b * s.m * width, width,
                   to + row * width);
    });
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
  const Support::Transposed& t = s.transposed();
  dispatch(x.dtype(), [&]<class T>() {
    const T* const w = weights.data<T>();
    const T* const from = x.data<T>();
    T* const to = y.mutable_data<T>();
    // The weights in the order of the entries.
    Tensor sorted = Tensor::uninitialized(op, {t.slots.size()}, x.dtype());
    T* const sorted_weights = sorted.mutable_data<T>();
    for_each_row(s.batch, s.m, [&](std::int64_t b, std::int64_t j) {
      const std::int64_t column = b * s.m + j;
      if (t.is_spoilt[b]) {
        return static_cast<void>(std::fill_n(to + column * width, width, nan<T>));
      }
      const std::int64_t* const starts = t.starts.data() + b * (s.m + 1) + j;
      const std::int64_t start = starts[0], end = starts[1];
      if (j + ahead < s.m) {
        prefetch_rows(t.rows.data() + starts[ahead], starts[ahead + 1] - starts[ahead],
                      from + b * s.n * width, width);
      }
      for (std::int64_t i = start; i < end; ++i) sorted_weights[i] = w[t.slots[i]];
      weighted_sum(end - start, sorted_weights + start, t.rows.data() + start, from + b * s.n * width, width,
                   to + column * width);
    });
  });
  return y;
}

Tensor dot_products(const Support& s, const Tensor& x, const Tensor& y) {
  const std::int64_t width = x.extent(2);
  Tensor result = Tensor::uninitialized(op, {s.batch, s.n, s.k}, x.kind());
  if (const Backend* backend = backend_of(x)) {
    backend->dot_products(s, x, y, result);
    return result;
  }
  dispatch(x.dtype(), [&]<class T>() {
    const T* const left = x.data<T>();
    const T* const right = y.data<T>();
    T* const to = result.mutable_data<T>();
    for_each_row(s.batch, s.n, [&](std::int64_t b, std::int64_t i) {
      const std::int64_t row = b * s.n + i, size = s.sizes[row];
      T* const out = to + row * s.k;
      if (size == Support::spoilt) return static_cast<void>(std::fill_n(out, s.k, nan<T>));
      if (i + ahead < s.n) {
        prefetch_rows(s.columns.data() + (row + ahead) * s.k, s.sizes[row + ahead], right + b * s.m * width,
                      width);
      }
      dot_each(size, left + row * width, s.columns.data() + row * s.k, right + b * s.m * width, width, out);
      std::fill(out + size, out + s.k, T{0});
    });
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
    for_each_row(s.batch, s.n, [&](std::int64_t b, std::int64_t i) {
      const std::int64_t row = b * s.n + i, size = s.sizes[row];
      const T* const w = from + row * s.k;
      T* const out = to + row * s.k;
      if (size == Support::spoilt) return static_cast<void>(std::fill_n(out, s.k, nan<T>));
      double sum = 0;
      for (std::int64_t j = 0; j < size; ++j) sum += static_cast<double>(w[j]);
      const double mean = sum / static_cast<double>(size);
      for (std::int64_t j = 0; j < size; ++j)
        out[j] = static_cast<T>(factor * (static_cast<double>(w[j]) - mean));
      std::fill(out + size, out + s.k, T{0});
    });
  });
  return result;
}

}  // namespace taper::kernels
#endif
