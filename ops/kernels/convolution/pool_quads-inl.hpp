// Pooling over the usual windows, of 2 x 2 elements next to each other: whole vectors of windows at a time.
// Compiled once for each instruction set: include it after <hwy/highway.h> in a file that
// <hwy/foreach_target.h> repeats.
#if defined(TAPER_POOL_QUADS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_POOL_QUADS_INL
#undef TAPER_POOL_QUADS_INL
#else
#define TAPER_POOL_QUADS_INL
#endif

#include "../vectors-inl.hpp"
#include "pool2d.hpp"

#include <algorithm>

#include <hwy/cache_control.h>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

// Calls body(tag, place in the picture, place among the windows) for vectors of windows in rows first …
// last - 1.
template <class T, class Body>
HWY_INLINE void for_each_quad(const Pooling& call, std::int64_t first, std::int64_t last, const Body& body) {
  const Size2d picture = call.windows.picture;
  const std::int64_t rows = picture.height / 2, columns = picture.width / 2;
  for (std::int64_t row = first; row < last; ++row) {
    const std::int64_t start = (row / rows * picture.height + row % rows * 2) * picture.width;
    for_each_vector<T>(columns,
                       [&](auto d, std::int64_t i) HWY_ATTR { body(d, start + 2 * i, row * columns + i); });
  }
}

// Calls body(tag, its four elements, place among the windows) for each vector of windows.
template <class T, class Body>
HWY_INLINE void fold_quads(const Pooling& call, std::int64_t first, std::int64_t last, const T* x,
                           const Body& body) {
  const std::int64_t width = call.windows.picture.width;
  for_each_quad<T>(call, first, last, [&](auto d, std::int64_t from, std::int64_t to) HWY_ATTR {
    hn::Vec<decltype(d)> a0, a1, b0, b1;
    hn::LoadInterleaved2(d, x + from, a0, a1);
    hn::LoadInterleaved2(d, x + from + width, b0, b1);
    body(d, a0, a1, b0, b1, to);
  });
}

template <class T>
void largest_quads(const Pooling& call, std::int64_t first, std::int64_t last, const T* x, T* y) {
  const auto larger = [](auto a, auto b)
                          HWY_ATTR { return hn::IfThenElse(hn::Or(hn::Gt(b, a), hn::IsNaN(b)), b, a); };
  fold_quads(call, first, last, x, [=](auto d, auto a0, auto a1, auto b0, auto b1, std::int64_t to) HWY_ATTR {
    hn::StoreU(larger(larger(larger(a0, a1), b0), b1), d, y + to);
  });
}

template <class T>
void average_quads(const Pooling& call, std::int64_t first, std::int64_t last, const T* x, T* y) {
  fold_quads(call, first, last, x, [=](auto d, auto a0, auto a1, auto b0, auto b1, std::int64_t to) HWY_ATTR {
    const auto sum = hn::Add(hn::Add(a0, a1), hn::Add(b0, b1));
    hn::StoreU(hn::Mul(sum, hn::Set(d, T{0.25})), d, y + to);
  });
}

// Zeros what no window of the planes of rows [first, last) reaches: an odd last column, and an odd last row
// after the last row of windows.
template <class T>
HWY_INLINE void clear_rest(const Pooling& call, std::int64_t first, std::int64_t last, T* dx) {
  const Size2d picture = call.windows.picture;
  const std::int64_t rows = picture.height / 2;
  if (picture.width % 2 == 0 && picture.height % 2 == 0) return;
  for (std::int64_t row = first; row < last; ++row) {
    T* const next = dx + (row / rows * picture.height + row % rows * 2) * picture.width;
    if (picture.width % 2 == 1) next[picture.width - 1] = next[2 * picture.width - 1] = 0;
    if (picture.height % 2 == 1 && row % rows == rows - 1)
      std::fill_n(next + 2 * picture.width, picture.width, T{0});
  }
}

// Stores a_0, b_0, a_1, b_1 and so on.
template <class D, class V, class T = hn::TFromD<D>>
HWY_INLINE void store_pairs(D d, V a, V b, Stores stores, T* to) {
  constexpr std::size_t lanes = hn::MaxLanes(D());
  HWY_ALIGN T pairs[2 * lanes];
  hn::StoreInterleaved2(a, b, d, pairs);
  store(d, hn::Load(d, pairs), stores, to);
  store(d, hn::Load(d, pairs + lanes), stores, to + lanes);
}

template <class T>
void spread_to_largest_quads(const Pooling& call, std::int64_t first, std::int64_t last, Stores stores,
                             const T* x, const T* dy, T* dx) {
  const std::int64_t width = call.windows.picture.width;
  const auto replaces = [](auto b, auto a) HWY_ATTR { return hn::Or(hn::Gt(b, a), hn::IsNaN(b)); };
  for_each_quad<T>(call, first, last, [&](auto d, std::int64_t at, std::int64_t window) HWY_ATTR {
    hn::Vec<decltype(d)> a0, a1, b0, b1;
    hn::LoadInterleaved2(d, x + at, a0, a1);
    hn::LoadInterleaved2(d, x + at + width, b0, b1);
    // As for_each_largest: does the second element take the first one's place, and so on?
    const auto second = replaces(a1, a0);
    const auto of_two = hn::IfThenElse(second, a1, a0);
    const auto third = replaces(b0, of_two);
    const auto fourth = replaces(b1, hn::IfThenElse(third, b0, of_two));
    const auto all = hn::LoadU(d, dy + window);
    const auto for_three = hn::IfThenZeroElse(fourth, all), for_two = hn::IfThenZeroElse(third, for_three);
    store_pairs(d, hn::IfThenZeroElse(second, for_two), hn::IfThenElseZero(second, for_two), stores, dx + at);
    store_pairs(d, hn::IfThenElseZero(third, for_three), hn::IfThenElseZero(fourth, all), stores,
                dx + at + width);
  });
  if (stores == Stores::past_cache) hwy::FlushStream();  // before another thread reads
  clear_rest(call, first, last, dx);
}

template <class T>
void spread_evenly_quads(const Pooling& call, std::int64_t first, std::int64_t last, Stores stores,
                         const T* dy, T* dx) {
  const std::int64_t width = call.windows.picture.width;
  for_each_quad<T>(call, first, last, [&](auto d, std::int64_t at, std::int64_t window) HWY_ATTR {
    const auto part = hn::Mul(hn::LoadU(d, dy + window), hn::Set(d, T{0.25}));
    store_pairs(d, part, part, stores, dx + at);
    store_pairs(d, part, part, stores, dx + at + width);
  });
  if (stores == Stores::past_cache) hwy::FlushStream();
  clear_rest(call, first, last, dx);
}

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
