// Loops over the vectors of an array, and their sums. Compiled once for each instruction set: include it after
// <hwy/highway.h> in a file that <hwy/foreach_target.h> repeats.
#if defined(TAPER_VECTORS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_VECTORS_INL
#undef TAPER_VECTORS_INL
#else
#define TAPER_VECTORS_INL
#endif

#include "stores.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
inline constexpr std::int64_t lanes_of = static_cast<std::int64_t>(hn::MaxLanes(hn::ScalableTag<T>()));

// Calls body(d, i) for vectors of elements i and on, which together hold elements 0 to n - 1, each once: whole
// vectors, and then ever smaller ones.
template <class T, std::int64_t lanes = lanes_of<T>, class Body>
HWY_INLINE void for_each_vector(std::int64_t n, const Body& body, std::int64_t i = 0) {
  const hn::CappedTag<T, static_cast<std::size_t>(lanes)> d;
  for (; i + lanes <= n; i += lanes) body(d, i);
  if constexpr (lanes > 1) for_each_vector<T, lanes / 2>(n, body, i);
}

// Stores a vector; past the cache only if it is a whole one, and `to` is where one may begin.
template <class D, class V, class T = hn::TFromD<D>>
HWY_INLINE void store(D d, V v, Stores stores, T* to) {
  if constexpr (hn::MaxLanes(D()) == static_cast<std::size_t>(lanes_of<T>)) {
    if (stores == Stores::past_cache) return hn::Stream(v, d, to);
  }
  hn::StoreU(v, d, to);
}

// Stores f(in…) to out, vector by vector of type D, the last of them filled up with zeros: for functions so long
// that their code should stand once.
template <class D, class T, class F, class... In>
HWY_INLINE void map_vectors(D d, std::int64_t n, T* out, const F& f, const In*... in) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(f(hn::LoadU(d, in + i)...), d, out + i);
  if (i == n) return;
  const auto rest = [&](const T* x) HWY_ATTR {
    HWY_ALIGN T buffer[HWY_MAX_BYTES / sizeof(T)] = {};
    std::copy(x + i, x + n, buffer);
    return hn::Load(d, buffer);
  };
  HWY_ALIGN T buffer[HWY_MAX_BYTES / sizeof(T)];
  hn::Store(f(rest(in)...), d, buffer);
  std::copy(buffer, buffer + (n - i), out + i);
}

// Two numbers of the same kind: vectors of terms, or their sums.
template <class V>
struct Two {
  V a, b;
};
template <class V>
HWY_INLINE Two<V> two(V a, V b) {
  return {a, b};
}

// The sums over elements 0 to n - 1 of the two numbers of term(d, i), four vectors beside each other. A lane adds up
// nineteen terms at most; the lanes' sums are added in double, so that the error does not grow with n.
template <class T, class Term>
HWY_INLINE Two<double> sums_of(std::int64_t n, const Term& term) {
  const hn::ScalableTag<T> d;
  constexpr int beside = 4;
  const std::int64_t lanes = hn::Lanes(d), whole = n / lanes * lanes, run = 16 * beside * lanes;
  Two<double> total{0, 0};
  for (std::int64_t i = 0; i < whole; i += run) {
    const auto zero = hn::Zero(d);
    hn::Vec<decltype(d)> a[beside] = {zero, zero, zero, zero}, b[beside] = {zero, zero, zero, zero};
    const auto add = [&](int k, std::int64_t j) HWY_ATTR {
      const auto terms = term(d, j);
      a[k] = hn::Add(a[k], terms.a);
      b[k] = hn::Add(b[k], terms.b);
    };
    const std::int64_t end = std::min(i + run, whole);
    std::int64_t j = i;
    for (; j + beside * lanes <= end; j += beside * lanes) {
      for (int k = 0; k < beside; ++k) add(k, j + k * lanes);
    }
    for (; j < end; j += lanes) add(0, j);
    const auto sum = [d](const auto& v) HWY_ATTR {
      return hn::SumOfLanes(d, hn::Add(hn::Add(v[0], v[1]), hn::Add(v[2], v[3])));
    };
    total.a += static_cast<double>(hn::GetLane(sum(a)));
    total.b += static_cast<double>(hn::GetLane(sum(b)));
  }
  for (std::int64_t i = whole; i < n; ++i) {
    const hn::CappedTag<T, 1> one;
    const auto terms = term(one, i);
    total.a += static_cast<double>(hn::GetLane(terms.a));
    total.b += static_cast<double>(hn::GetLane(terms.b));
  }
  return total;
}

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
