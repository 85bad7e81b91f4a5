// Rows of numbers as bytes, and what their products must exceed: screening (screen.hpp). Compiled once for each instruction
// set: include it after <hwy/highway.h> in a file that <hwy/foreach_target.h> repeats.
//
// A row x is u (i + r): its unit times bytes, the nearest whole numbers, and times what these leave out. For a query q, scaled
// already, and a key k, with norms in units,
//   q . k <= u_q u_k (i_q . i_k + |r_q| |k| + |i_q| |r_k|)
// by the Cauchy-Schwarz inequality. A score is rounded, too, and so are r and the norms: which comes to much less than
// 8 (d + 4) eps |q| |k|, and, where numbers are subnormal, to less than d + 2 of the smallest of them.
#if defined(TAPER_SCREEN_ROWS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_SCREEN_ROWS_INL
#undef TAPER_SCREEN_ROWS_INL
#else
#define TAPER_SCREEN_ROWS_INL
#endif

#include "../softmax/candidates.hpp"
#include "screen.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The unit of some rows, and the largest norms, in units, of the rows and of what their bytes leave out.
struct ByteUnit {
  double unit = 0;  // 0: there are no bytes, since the elements are too small or too large
  double norm = 0, rest = 0;
};

// Whether rows with this largest element have bytes: smaller ones may lose digits when they are multiplied.
template <class T>
constexpr bool has_unit(T largest) {
  using Limits = std::numeric_limits<T>;
  return largest > Limits::min() / Limits::epsilon() * 1024 && largest <= Limits::max();
}

// The largest absolute value of n elements; +inf if one is NaN.
template <class T>
T magnitude(const T* x, std::int64_t n) {
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d);
  auto largest = hn::Zero(d);
  auto finite = hn::Eq(largest, largest);
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto absolute = hn::Abs(hn::LoadU(d, x + i));
    finite = hn::And(finite, hn::Lt(absolute, hn::Set(d, infinity<T>)));
    largest = hn::Max(largest, absolute);
  }
  T result = hn::AllTrue(d, finite) ? hn::GetLane(hn::MaxOfLanes(d, largest)) : infinity<T>;
  for (; i < n; ++i) result = std::abs(x[i]) < infinity<T> ? std::max(result, std::abs(x[i])) : infinity<T>;
  return result;
}

// Writes the bytes of factor * x[0 … n) to `bytes`, for the unit that makes `largest` 127, with 0 up to whole fours.
template <class T>
HWY_INLINE void make_bytes(const T* x, std::int64_t n, T factor, T largest, std::int8_t* bytes,
                           ByteUnit& found) {
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d);
  const T per_unit = 127 / largest;
  const auto f = hn::Set(d, factor), u = hn::Set(d, per_unit);
  auto norms = hn::Zero(d), rests = hn::Zero(d);
  HWY_ALIGN T part[HWY_MAX_BYTES / sizeof(T)];
  const auto add = [&](const T* from, std::int64_t p, std::int64_t count) HWY_ATTR {
    const auto z = hn::Mul(hn::Mul(hn::LoadU(d, from), f), u), whole = hn::Round(z), r = hn::Sub(z, whole);
    norms = hn::MulAdd(z, z, norms), rests = hn::MulAdd(r, r, rests);
    hn::Store(whole, d, part);
    for (std::int64_t i = 0; i < count; ++i)
      bytes[p + i] = static_cast<std::int8_t>(static_cast<std::int32_t>(part[i]));
  };
  std::int64_t p = 0;
  for (; p + lanes <= n; p += lanes) add(x + p, p, lanes);
  if (p < n) {
    T last[HWY_MAX_BYTES / sizeof(T)] = {};
    std::copy(x + p, x + n, last);
    add(last, p, n - p);
  }
  std::fill(bytes + n, bytes + bytes_of_row(n), std::int8_t{0});
  found.unit = static_cast<double>(largest) / 127;
  found.norm = std::max(found.norm, std::sqrt(static_cast<double>(hn::GetLane(hn::SumOfLanes(d, norms)))));
  found.rest = std::max(found.rest, std::sqrt(static_cast<double>(hn::GetLane(hn::SumOfLanes(d, rests)))));
}

// The bytes of `count` keys, screen_stretch at most, in panels as multiply_bytes takes them. key_at(j) is null for what is
// only there to fill up a panel.
template <class T, class KeyAt>
ByteUnit screen_keys(const KeyAt& key_at, std::int64_t count, std::int64_t depth, std::uint8_t* panels) {
  T largest = 0;
  for (std::int64_t j = 0; j < count; ++j) {
    if (const T* const key = key_at(j)) largest = std::max(largest, magnitude(key, depth));
  }
  ByteUnit found;
  if (!has_unit(largest)) return found;
  const std::int64_t size = bytes_of_row(depth);
  std::int8_t bytes[screen_depth];
  for (std::int64_t j = 0; j < count; ++j) {
    if (const T* const key = key_at(j)) {
      make_bytes(key, depth, T{1}, largest, bytes, found);
    } else {
      std::fill_n(bytes, size, std::int8_t{0});
    }
    for (std::int64_t p = 0; p < size; ++p) bytes[p] = static_cast<std::int8_t>(bytes[p] ^ -128);  // + 128
    std::uint8_t* const to = panels + j / screen_panel * screen_panel * size + j % screen_panel * 4;
    for (std::int64_t p = 0; p < size; p += 4) std::memcpy(to + p * screen_panel, bytes + p, 4);
  }
  return found;
}

// A query as multiply_bytes takes it.
struct ScreenedQuery {
  ByteUnit found;
  std::int64_t shift = 0;  // what a key's 128 add to a product
};

// The bytes of scale * query.
template <class T>
ScreenedQuery screen_query(const T* query, std::int64_t depth, T scale, std::int8_t* bytes) {
  ScreenedQuery result;
  const T largest = std::abs(scale) * magnitude(query, depth);
  if (!has_unit(largest)) {
    std::fill_n(bytes, bytes_of_row(depth), std::int8_t{0});
    return result;
  }
  make_bytes(query, depth, scale, largest, bytes, result.found);
  for (std::int64_t p = 0; p < depth; ++p) result.shift += 128 * bytes[p];
  return result;
}

// The limit for multiply_bytes: if the query's score with one of the keys exceeds `bound`, their product exceeds this.
template <class T>
std::int32_t screen_limit(const ScreenedQuery& query, const ByteUnit& keys, std::int64_t depth, T scale,
                          T bound) {
  constexpr std::int32_t none = std::numeric_limits<std::int32_t>::min();  // which every product exceeds
  constexpr double most = 1 << 30;  // which no product without shift does
  const ByteUnit& q = query.found;
  const double unit = q.unit * keys.unit;
  if (!(unit >= std::numeric_limits<double>::min())) return none;
  const double d = static_cast<double>(depth);
  const double rounding = 8 * (d + 4) * static_cast<double>(std::numeric_limits<T>::epsilon());
  const double subnormal = (d + 2) * (1 + std::abs(static_cast<double>(scale))) *
                           static_cast<double>(std::numeric_limits<T>::denorm_min()) / unit;
  const double slack = (1 + rounding) * (q.rest * keys.norm + (q.norm + q.rest) * keys.rest) +
                       rounding * q.norm * keys.norm + subnormal;
  const double limit = static_cast<double>(bound) / unit - slack;
  if (!(limit > -most)) return none;
  // One less, for the rounding of the limit itself.
  return static_cast<std::int32_t>(std::floor(std::min(limit, most)) - 1 + static_cast<double>(query.shift));
}

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
