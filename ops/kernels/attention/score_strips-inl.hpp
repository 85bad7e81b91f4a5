// Scores of queries with packed keys, a strip at a time: what select_keys multiplies. Compiled once for each
// instruction set: include it after <hwy/highway.h> in a file that <hwy/foreach_target.h> repeats.
#if defined(TAPER_SCORE_STRIPS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_SCORE_STRIPS_INL
#undef TAPER_SCORE_STRIPS_INL
#else
#define TAPER_SCORE_STRIPS_INL
#endif

#include "score_strips.hpp"

#include <bit>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Vec = hn::Vec<hn::ScalableTag<T>>;

constexpr std::int64_t group = score_group;
constexpr std::int64_t strip = score_strip;
// The scores of `group` queries with so many vectors of keys are summed up in registers: 12 of 16 hold sums, or 24 of
// 32 with AVX-512 and on ARM. They are a part of a strip, a strip, or some.
constexpr int vectors = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON ? 4 : 2;
template <class T>
constexpr int vectors_of_strip =
    static_cast<int>(strip / static_cast<std::int64_t>(hn::MaxLanes(hn::ScalableTag<T>())));

constexpr std::int64_t round_up(std::int64_t x, std::int64_t to) { return (x + to - 1) / to * to; }

// to[p * strip + lane] = keys[lane][p].
template <class T>
HWY_INLINE void transpose(const T* const* keys, std::int64_t depth, T* to) {
  for (std::int64_t lane = 0; lane < strip; lane += 4) {
    const T *const key0 = keys[lane], *const key1 = keys[lane + 1], *const key2 = keys[lane + 2],
                   *const key3 = keys[lane + 3];
    std::int64_t p = 0;
#if HWY_TARGET != HWY_SCALAR
    if constexpr (sizeof(T) == 4) {
      const hn::FixedTag<T, 4> d;
      for (; p + 4 <= depth; p += 4) {
        const auto row0 = hn::LoadU(d, key0 + p), row1 = hn::LoadU(d, key1 + p),
                   row2 = hn::LoadU(d, key2 + p), row3 = hn::LoadU(d, key3 + p);
        const auto low01 = hn::InterleaveLower(d, row0, row1), low23 = hn::InterleaveLower(d, row2, row3),
                   high01 = hn::InterleaveUpper(d, row0, row1), high23 = hn::InterleaveUpper(d, row2, row3);
        T* const at = to + p * strip + lane;
        hn::StoreU(hn::ConcatLowerLower(d, low23, low01), d, at);
        hn::StoreU(hn::ConcatUpperUpper(d, low23, low01), d, at + strip);
        hn::StoreU(hn::ConcatLowerLower(d, high23, high01), d, at + 2 * strip);
        hn::StoreU(hn::ConcatUpperUpper(d, high23, high01), d, at + 3 * strip);
      }
    }
#endif
    for (; p < depth; ++p) {
      T* const at = to + p * strip + lane;
      at[0] = key0[p], at[1] = key1[p], at[2] = key2[p], at[3] = key3[p];
    }
  }
}

// Copies the keys at first, first + 1, …, whole strips, so that the elements p of a strip's keys stand side by side.
// key_at(place) is null at places that are only there to fill strips up; they get zeros.
template <class T, class KeyAt>
HWY_INLINE void pack(const KeyAt& key_at, const T* zeros, std::int64_t depth, std::int64_t first,
                     std::int64_t count, T* packed) {
  const T *keys[strip], *next[strip];
  const auto find = [&](std::int64_t place0) {
    for (std::int64_t lane = 0; lane < strip; ++lane) {
      const T* const key = place0 < first + count ? key_at(place0 + lane) : nullptr;
      next[lane] = key ? key : zeros;
      for (std::int64_t p = 0; p < depth; p += 64 / static_cast<std::int64_t>(sizeof(T)))
        hwy::Prefetch(next[lane] + p);
    }
  };
  find(first);
  for (std::int64_t place0 = first; place0 < first + count; place0 += strip) {
    std::copy_n(next, strip, keys);
    find(place0 + strip);
    transpose(keys, depth, packed + place0 * depth);
  }
}

// scores[r * pitch + c] = scale * (queries[r] . key c), for a group of queries and `count` vectors of keys, the first
// of which stand at `keys`.
template <int count, class T>
HWY_INLINE void multiply(const T* const* queries, const T* keys, std::int64_t depth, T scale, T* scores,
                         std::int64_t pitch) {
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d);
  Vec<T> sums[group][count];
  for (auto& row : sums) {
    for (auto& sum : row) sum = hn::Zero(d);
  }
  for (std::int64_t p = 0; p < depth; ++p, keys += strip) {
    Vec<T> key[count];
    for (int v = 0; v < count; ++v)
      key[v] = hn::LoadU(d, keys + v / vectors_of_strip<T> * depth * strip + v % vectors_of_strip<T> * lanes);
    for (int r = 0; r < group; ++r) {
      const Vec<T> query = hn::Set(d, queries[r][p]);
      for (int v = 0; v < count; ++v) sums[r][v] = hn::MulAdd(query, key[v], sums[r][v]);
    }
  }
  const Vec<T> factor = hn::Set(d, scale);
  for (int r = 0; r < group; ++r) {
    for (int v = 0; v < count; ++v)
      hn::StoreU(hn::Mul(sums[r][v], factor), d, scores + r * pitch + v * lanes);
  }
}

// `count` strips that lie side by side.
template <int count, class T>
HWY_INLINE void multiply_run(const T* const* queries, const T* keys, std::int64_t depth, T scale, T* scores,
                             std::int64_t pitch) {
  constexpr int all = count * vectors_of_strip<T>;
  if constexpr (all <= vectors) {
    multiply<all>(queries, keys, depth, scale, scores, pitch);
  } else {
    for (std::int64_t c = 0; c < strip;
         c += vectors * static_cast<std::int64_t>(hn::MaxLanes(hn::ScalableTag<T>())))
      multiply<vectors>(queries, keys + c, depth, scale, scores + c, pitch);
  }
}

// The scores of a group of queries with the packed keys from place `first` on, a multiple of `strip`: with those
// strips alone whose bit in `wanted` is 1. scores[r * pitch + c] is that of query r with the key at first + c.
template <class T>
HWY_INLINE void multiply_strips(const T* const* queries, const T* packed, std::int64_t first,
                                std::uint64_t wanted, std::int64_t depth, T scale, T* scores,
                                std::int64_t pitch) {
  constexpr int most = std::max(1, vectors / vectors_of_strip<T>);  // at a time
  while (wanted != 0) {
    const int s = std::countr_zero(wanted), run = std::countr_one(wanted >> s);
    const T* const keys = packed + (first + s * strip) * depth;
    const auto multiply_next = [&]<int count>(std::integral_constant<int, count>) HWY_ATTR {
      multiply_run<count>(queries, keys, depth, scale, scores + s * strip, pitch);
      wanted &= ~(((std::uint64_t{1} << count) - 1) << s);
    };
    if (run >= most) {
      multiply_next(std::integral_constant<int, most>());
    } else if (run >= 2) {
      multiply_next(std::integral_constant<int, std::min(2, most)>());
    } else {
      multiply_next(std::integral_constant<int, 1>());
    }
  }
}

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
