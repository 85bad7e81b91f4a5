// Scores of single pairs of a query and a key, a vector of them at a time, with the same bits as the strips' (score_strips-inl.hpp).
// For AVX-512 alone. Compiled once for each instruction set: include it after <hwy/highway.h> in a file that
// <hwy/foreach_target.h> repeats.
#if defined(TAPER_SCORE_PAIRS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_SCORE_PAIRS_INL
#undef TAPER_SCORE_PAIRS_INL
#else
#define TAPER_SCORE_PAIRS_INL
#endif

#include "score_strips-inl.hpp"

#if HWY_TARGET == HWY_AVX3
HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

// Elements p … p + B - 1 of a vector of keys at a time, B being as many as 16 bytes hold: columns[i] is element p + i of each.
template <class T>
HWY_INLINE void transpose_columns(const T* const* keys, std::int64_t p, Vec<T>* columns) {
  constexpr std::int64_t per_block = 16 / static_cast<std::int64_t>(sizeof(T));
  const hn::ScalableTag<T> d;
  const hn::Half<decltype(d)> half;
  const hn::Half<decltype(half)> quarter;
  const auto rows = [&](std::int64_t i) HWY_ATTR {
    const auto block = [&](std::int64_t b)
                           HWY_ATTR { return hn::LoadU(quarter, keys[b * per_block + i] + p); };
    return hn::Combine(d, hn::Combine(half, block(3), block(2)), hn::Combine(half, block(1), block(0)));
  };
  if constexpr (per_block == 2) {
    const auto row0 = rows(0), row1 = rows(1);
    columns[0] = hn::InterleaveLower(d, row0, row1), columns[1] = hn::InterleaveUpper(d, row0, row1);
  } else {
    const hn::Repartition<double, decltype(d)> pairs;
    const auto row0 = rows(0), row1 = rows(1), row2 = rows(2), row3 = rows(3);
    const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, row0, row1)),
               low23 = hn::BitCast(pairs, hn::InterleaveLower(d, row2, row3)),
               high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, row0, row1)),
               high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, row2, row3));
    columns[0] = hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23));
    columns[1] = hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23));
    columns[2] = hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23));
    columns[3] = hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23));
  }
}

// scores[c] = scale * (query query_of[c] . keys[c]), added up as above, for a vector of pairs. queries[p * group_pitch + r] is
// element p of query r.
constexpr std::int64_t group_pitch = 8;
template <class T>
HWY_INLINE void multiply_pairs(const T* queries, const std::int32_t* query_of, const T* const* keys,
                               std::int64_t depth, T scale, T* scores) {
  constexpr std::int64_t per_block = 16 / static_cast<std::int64_t>(sizeof(T));
  const hn::ScalableTag<T> d;
  const hn::RebindToSigned<decltype(d)> di;
  HWY_ALIGN hn::TFromD<decltype(di)> numbers[64 / sizeof(T)];
  std::copy_n(query_of, 64 / sizeof(T), numbers);
  const auto from = hn::IndicesFromVec(d, hn::Load(di, numbers));
  const auto add = [&](std::int64_t p, Vec<T> key, Vec<T> sum) HWY_ATTR {
    return hn::MulAdd(hn::TableLookupLanes(hn::LoadU(d, queries + p * group_pitch), from), key, sum);
  };
  Vec<T> sum = hn::Zero(d), columns[per_block];
  std::int64_t p = 0;
  for (; p + per_block <= depth; p += per_block) {
    transpose_columns(keys, p, columns);
    for (std::int64_t i = 0; i < per_block; ++i) sum = add(p + i, columns[i], sum);
  }
  for (; p < depth; ++p) {
    HWY_ALIGN T column[64 / sizeof(T)];
    for (std::size_t c = 0; c < 64 / sizeof(T); ++c) column[c] = keys[c][p];
    sum = add(p, hn::Load(d, column), sum);
  }
  hn::StoreU(hn::Mul(sum, hn::Set(d, scale)), d, scores);
}

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

#endif
