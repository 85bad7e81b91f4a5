// The loop over a row that feeds a Candidates. Compiled once for each instruction set: include it after
// <hwy/highway.h> in a file that <hwy/foreach_target.h> repeats.
#if defined(TAPER_SELECTION_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_SELECTION_INL
#undef TAPER_SELECTION_INL
#else
#define TAPER_SELECTION_INL
#endif

#include "candidates.hpp"

#include <cstring>
#include <functional>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Bit i is lane i of the mask.
template <class D>
HWY_INLINE std::uint64_t bits_of(D d, hn::Mask<D> mask) {
  std::uint64_t bits = 0;
  std::uint8_t bytes[8] = {};
  hn::StoreMaskBits(d, mask, bytes);
  std::memcpy(&bits, bytes, sizeof bits);
  return bits;
}

// The same for the masks of four vectors that lie side by side.
template <class D>
HWY_INLINE std::uint64_t bits_of(D d, hn::Mask<D> mask0, hn::Mask<D> mask1, hn::Mask<D> mask2,
                                 hn::Mask<D> mask3) {
  const std::size_t lanes = hn::Lanes(d);
  return bits_of(d, mask0) | bits_of(d, mask1) << lanes | bits_of(d, mask2) << 2 * lanes |
         bits_of(d, mask3) << 3 * lanes;
}

// Is there a NaN or +inf among the n elements at x, n a multiple of the lanes? (What max does with a NaN
// differs between instruction sets.)
template <class D, class T = hn::TFromD<D>>
HWY_INLINE bool has_nan_or_plus_infinity(D d, const T* x, std::int64_t n) {
  const std::int64_t lanes = hn::Lanes(d);
  const auto limit = hn::Set(d, infinity<T>);
  auto below = hn::Lt(hn::Zero(d), limit);
  for (std::int64_t i = 0; i < n; i += lanes) below = hn::And(below, hn::Lt(hn::LoadU(d, x + i), limit));
  return !hn::AllTrue(d, below);
}

// The k-th largest of the n elements at x, n a multiple of the lanes. For each vector of elements it is
// counted how many elements are larger: n^2 steps, but none that a processor could predict wrongly, which is
// worth more if the elements are few.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE T kth_largest(D d, const T* x, std::int64_t n, std::int64_t k) {
  const hn::RebindToSigned<D> di;
  const std::int64_t lanes = hn::Lanes(d);
  auto smallest = hn::Set(d, infinity<T>);
  for (std::int64_t i = 0; i < n; i += lanes) {
    const auto element = hn::LoadU(d, x + i);
    auto larger = hn::Zero(di);
    for (std::int64_t j = 0; j < n; ++j) {
      larger = hn::Sub(larger, hn::VecFromMask(di, hn::RebindMask(di, hn::Gt(hn::Set(d, x[j]), element))));
    }
    const auto is_among = hn::Lt(larger, hn::Set(di, static_cast<hn::TFromD<decltype(di)>>(k)));
    smallest =
        hn::Min(smallest, hn::IfThenElse(hn::RebindMask(d, is_among), element, hn::Set(d, infinity<T>)));
  }
  return hn::GetLane(hn::MinOfLanes(d, smallest));
}

// Drops the candidates that are no longer among the k largest, and raises the threshold.
template <class D, class T = hn::TFromD<D>>
HWY_NOINLINE void prune(D d, Candidates<T>& row) {
  row.drop_overtaken();
  if (row.count <= row.k) return;
  T kth;
  if (row.count <= 256) {
    const std::int64_t lanes = hn::Lanes(d), padded = (row.count + lanes - 1) / lanes * lanes;
    std::fill(row.values + row.count, row.values + padded, -infinity<T>);
    kth = kth_largest(d, row.values, padded, row.k);
  } else {
    std::copy_n(row.values, row.count, row.scratch);
    std::nth_element(row.scratch, row.scratch + (row.k - 1), row.scratch + row.count, std::greater<T>());
    kth = row.scratch[row.k - 1];
  }
  row.keep_largest(kth);
}

// How many of the n elements at x exceed the threshold.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE std::int64_t count_above(D d, const T* x, std::int64_t n, T threshold) {
  const hn::RebindToSigned<D> di;
  const std::int64_t lanes = hn::Lanes(d);
  const auto limit = hn::Set(d, threshold);
  auto sum0 = hn::Zero(di), sum1 = sum0;
  const auto one_where_above = [&](std::int64_t i) HWY_ATTR {
    return hn::VecFromMask(di, hn::RebindMask(di, hn::Gt(hn::LoadU(d, x + i), limit)));
  };
  for (std::int64_t i = 0; i < n; i += 2 * lanes) {
    sum0 = hn::Sub(sum0, one_where_above(i)), sum1 = hn::Sub(sum1, one_where_above(i + lanes));
  }
  return hn::GetLane(hn::SumOfLanes(di, hn::Add(sum0, sum1)));
}

// Looks for a threshold that not many more than k of the n elements at x exceed. It assumes that, between the
// present threshold and the maximum, the logarithm of the number of elements above a bound falls linearly
// with the bound, as it nearly does for normal scores.
template <class D, class T = hn::TFromD<D>>
HWY_NOINLINE void narrow_threshold(D d, Candidates<T>& row, const T* x, std::int64_t n) {
  double low = static_cast<double>(std::max(row.threshold, std::numeric_limits<T>::lowest()));
  double high = static_cast<double>(row.largest);
  const double k = static_cast<double>(row.k), wanted = 1.1 * k;
  double above_low = static_cast<double>(count_above(d, x, n, row.threshold)), above_high = 1;
  for (int i = 0; i < 4 && above_low > 1.5 * k; ++i) {
    const double fraction = std::log(above_low / wanted) / std::log(above_low / above_high);
    const T middle = static_cast<T>(low + fraction * (high - low));
    const auto above = static_cast<double>(count_above(d, x, n, middle));
    if (above >= k) {
      row.raise_threshold(middle, Candidates<T>::Bound::kth);
      low = static_cast<double>(middle), above_low = above;
    } else {
      high = static_cast<double>(middle), above_high = std::max(1.0, above);
    }
  }
}

// Raises the threshold of a row that is to be projected. `elements` are `count` of its elements, whole
// vectors. For the support the sum of (z - tau) is 1, and for any other k elements or fewer it is less. So
// (their sum - 1) / (their number) is not above tau, and nothing below tau is selected. Takes two steps of
// Michelot's iteration, as project() does, but in T; the margin makes up for its rounding. Returns false, and does
// nothing, if more than k of the elements exceed the threshold.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE bool raise_to_tau(D d, Candidates<T>& row, const T* elements, std::int64_t count) {
  constexpr T margin = 256 * std::numeric_limits<T>::epsilon();
  const std::int64_t lanes = hn::Lanes(d);
  const auto largest = hn::Set(d, row.largest);
  T tau = row.threshold - row.largest;
  for (int step = 0; step < 2; ++step) {
    auto sum = hn::Zero(d);
    std::int64_t above = 0;
    for (std::int64_t i = 0; i < count; i += lanes) {
      const auto z = hn::Sub(hn::LoadU(d, elements + i), largest);
      const auto is_above = hn::Gt(z, hn::Set(d, tau));
      sum = hn::Add(sum, hn::IfThenElseZero(is_above, z));
      above += static_cast<std::int64_t>(hn::CountTrue(d, is_above));
    }
    if (above > row.k) return false;
    tau = std::max(tau, (hn::GetLane(hn::SumOfLanes(d, sum)) - 1) / static_cast<T>(above));
    row.raise_threshold(just_below(row.largest + (tau - margin)), Candidates<T>::Bound::tau);
  }
  return true;
}

// Raises the threshold of a row that has no candidates yet, for x[0 … n), by the maxima of the lanes, which
// are elements of the row. If there are 2 k pairs of lanes, the maxima of pairs are enough: some 1.4 k
// elements of the row then exceed the bound instead of 1.1 k, but it is found in a fraction of the time.
template <class D, class V, class T = hn::TFromD<D>>
HWY_INLINE void raise_threshold(D d, Candidates<T>& row, const T* x, std::int64_t n, V max0, V max1, V max2,
                                V max3) {
  const std::int64_t lanes = hn::Lanes(d);
  HWY_ALIGN T maxima[4 * HWY_MAX_BYTES / sizeof(T)];
  std::int64_t count = 4 * lanes;
  if (row.k <= lanes) {
    const V pair0 = hn::Max(max0, max1), pair1 = hn::Max(max2, max3);
    if (2 * row.k <= lanes) {
      count = lanes;
      hn::Store(hn::Max(pair0, pair1), d, maxima);
    } else {
      count = 2 * lanes;
      hn::Store(pair0, d, maxima), hn::Store(pair1, d, maxima + lanes);
    }
  } else {
    hn::Store(max0, d, maxima), hn::Store(max1, d, maxima + lanes);
    hn::Store(max2, d, maxima + 2 * lanes), hn::Store(max3, d, maxima + 3 * lanes);
  }
  // If few of them lie near the largest, tau is the better bound.
  if (row.is_projection() && raise_to_tau(d, row, maxima, count)) return;
  // If k is large, this bound is poor.
  if (row.k <= count) {
    row.raise_threshold(just_below(kth_largest(d, maxima, count, row.k)), Candidates<T>::Bound::kth);
  }
  if (row.is_projection()) {
    raise_to_tau(d, row, maxima,
                 count);  // does nothing if some tie with the k-th largest, which is the bound already
  } else if (row.k > lanes) {
    narrow_threshold(d, row, x, n);
  }
}

// Leaves k candidates at most, and raises the threshold by them, of a row that is to be projected.
template <class D, class T = hn::TFromD<D>>
HWY_NOINLINE void tighten(D d, Candidates<T>& row) {
  if (row.count == 0) return;
  prune(d, row);
  const std::int64_t lanes = hn::Lanes(d), padded = (row.count + lanes - 1) / lanes * lanes;
  std::fill(row.values + row.count, row.values + padded, -infinity<T>);
  raise_to_tau(d, row, row.values, padded);
}

// Offers row[base … base + n), which lies at x, to the candidates. n is a multiple of Candidates::step. None of
// these elements is NaN or +inf. Returns whether any of them exceeds the threshold so far.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE bool scan_finite(D d, Candidates<T>& row, const T* x, std::int64_t n, std::int64_t base) {
  using V = hn::Vec<D>;
  const std::int64_t lanes = hn::Lanes(d);
  static_assert(4 * hn::MaxLanes(D()) <= Candidates<T>::step && hn::MaxLanes(D()) <= Candidates<T>::widest);
  V max0 = hn::Set(d, -infinity<T>), max1 = max0, max2 = max0, max3 = max0;
  for (std::int64_t i = 0; i < n; i += 4 * lanes) {
    max0 = hn::Max(max0, hn::LoadU(d, x + i)), max1 = hn::Max(max1, hn::LoadU(d, x + i + lanes));
    max2 = hn::Max(max2, hn::LoadU(d, x + i + 2 * lanes)),
    max3 = hn::Max(max3, hn::LoadU(d, x + i + 3 * lanes));
  }
  const V max = hn::Max(hn::Max(max0, max1), hn::Max(max2, max3));
  const T largest = hn::GetLane(hn::MaxOfLanes(d, max));
  if (!(largest > row.threshold)) return false;
  row.raise_largest(largest);

  if (row.count == 0) raise_threshold(d, row, x, n, max0, max1, max2, max3);

  const std::int64_t limit = Candidates<T>::limit(row.k);
  V threshold = hn::Set(d, row.threshold);
  for (std::int64_t i = 0; i < n; i += 4 * lanes) {
    const auto above = [&](int v) HWY_ATTR { return hn::Gt(hn::LoadU(d, x + i + v * lanes), threshold); };
    const auto above0 = above(0), above1 = above(1), above2 = above(2), above3 = above(3);
    if (HWY_LIKELY(hn::AllFalse(d, hn::Or(hn::Or(above0, above1), hn::Or(above2, above3))))) continue;
    for (std::uint64_t bits = bits_of(d, above0, above1, above2, above3); bits != 0; bits &= bits - 1) {
      const std::int64_t j = i + hwy::Num0BitsBelowLS1Bit_Nonzero64(bits);
      row.add(x[j], static_cast<typename Candidates<T>::Index>(base + j));
    }
    if (row.count > limit) {
      prune(d, row);
      threshold = hn::Set(d, row.threshold);
    }
  }
  return true;
}

// The same for any elements.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE bool scan(D d, Candidates<T>& row, const T* x, std::int64_t n, std::int64_t base) {
  if (HWY_UNLIKELY(has_nan_or_plus_infinity(d, x, n))) {
    row.make_nan_row();
    return true;
  }
  return scan_finite(d, row, x, n, base);
}

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
