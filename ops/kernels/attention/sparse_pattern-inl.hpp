// What the products with a sparse pattern do with one of its rows. Compiled once for each instruction set:
// include it after <hwy/highway.h> in a file that <hwy/foreach_target.h> repeats.
#if defined(TAPER_SPARSE_PATTERN_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_SPARSE_PATTERN_INL
#undef TAPER_SPARSE_PATTERN_INL
#else
#define TAPER_SPARSE_PATTERN_INL
#endif

#include <cstdint>

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

// y[rows[s]] += weights[s] * x for each s, in columns [c, c + vectors * lanes). These columns of x stay
// in registers.
template <int vectors, class T>
HWY_INLINE void add_columns(std::int64_t count, const T* weights, const std::int32_t* rows, const T* x,
                            std::int64_t width, std::int64_t c, T* y) {
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d);
  hn::Vec<decltype(d)> terms[vectors];
  for (int v = 0; v < vectors; ++v) terms[v] = hn::LoadU(d, x + c + v * lanes);
  for (std::int64_t s = 0; s < count; ++s) {
    const auto factor = hn::Set(d, weights[s]);
    T* row = y + rows[s] * width + c;
    for (int v = 0; v < vectors; ++v, row += lanes) {
      hn::StoreU(hn::MulAdd(factor, terms[v], hn::LoadU(d, row)), d, row);
    }
  }
}

// y[rows[s]] += weights[s] * x for each s, for rows of `width` elements.
template <class T>
HWY_INLINE void add_multiples(std::int64_t count, const T* weights, const std::int32_t* rows, const T* x,
                              std::int64_t width, T* y) {
  const std::int64_t lanes = hn::Lanes(hn::ScalableTag<T>());
  std::int64_t c = 0;
  for (; c + 4 * lanes <= width; c += 4 * lanes) add_columns<4>(count, weights, rows, x, width, c, y);
  for (; c + lanes <= width; c += lanes) add_columns<1>(count, weights, rows, x, width, c, y);
  for (; c < width; ++c) {
    for (std::int64_t s = 0; s < count; ++s) y[rows[s] * width + c] += weights[s] * x[c];
  }
}

#if HWY_TARGET != HWY_SCALAR
// The sums of the lanes of four vectors, side by side.
template <class V>
HWY_INLINE void store_sums(V v0, V v1, V v2, V v3, float* to) {
  const hn::ScalableTag<float> d;
  // Within each block of four lanes: first the sums of two lanes of v0 and v2, and of v1 and v3; then
  // the sums of all four lanes.
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

// The same for float32 and rows of whole vectors, four rows at a time, until fewer than four are left.
// Returns how many rows that were.
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

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
