// exp_total and exp_row, compiled for each instruction set.
// foreach_target.h includes this file again, and the order matters:
// clang-format off
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/softmax/exp_row.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
#include "../elementwise/elementary-inl.hpp"
// clang-format on

#include "exp_row.hpp"

#include <algorithm>
#include <limits>

#include <hwy/cache_control.h>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The elements x[i … n), too few for a vector, in a vector whose other lanes are -inf.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> last_vector(D d, const T* x, std::int64_t i, std::int64_t n) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  const std::int64_t lanes = hn::Lanes(d);
  if (n >= lanes) {  // in place of elements that an earlier vector has read stands -inf
    const auto is_old = hn::FirstN(d, static_cast<std::size_t>(lanes - (n - i)));
    return hn::IfThenElse(is_old, hn::Set(d, -infinity), hn::LoadU(d, x + n - lanes));
  }
  HWY_ALIGN T rest[HWY_MAX_BYTES / sizeof(T)];
  std::fill(std::copy(x + i, x + n, rest), rest + lanes, -infinity);
  return hn::Load(d, rest);
}

// e^x for x <= 0 as a term of a sum that is at least 1, in half the operations of hn::Exp: off by 1e-8 (float64: 2e-17) of
// itself before rounding, and below -87 (-708) nearly 0. bench/fit_elementary.py finds the coefficients.
template <class D>
HWY_INLINE hn::Vec<D> term(D d, hn::Vec<D> x) {
  x = hn::Max(x, choose(d, -87, -708));
  const auto rounder = choose(d, 0x1.8p23, 0x1.8p52);  // a sum with it has its integer in the last bits
  const auto bits = hn::MulAdd(x, number(d, 1.4426950408889634), rounder);
  const auto k = hn::Sub(bits, rounder);
  const auto high = hn::NegMulAdd(k, choose(d, 0.693115234375, 0.69314718036912382), x);
  const auto r = hn::NegMulAdd(k, choose(d, 3.1946183298714459e-05, 1.9082149292705877e-10), high);
  const auto fused = [&](auto first, auto... others) HWY_ATTR {
    auto sum = number(d, first);
    ((sum = hn::MulAdd(sum, r, number(d, others))), ...);
    return sum;
  };
  hn::Vec<D> p;  // e^r
  if constexpr (is_float32<D>) {
    p = fused(0.0013926184, 0.00836317893, 0.0416665561, 0.166665763, 0.5, 1, 1);
  } else {
    p = fused(2.510038549551032e-08, 2.7620088445409746e-07, 2.7557268459997064e-06, 2.4801521295954376e-05,
              0.00019841269863053618, 0.0013888888917213717, 0.0083333333333300615, 0.041666666666624129,
              0.16666666666666669, 0.50000000000000011, 1, 1);
  }
  const hn::RebindToUnsigned<D> u;  // p times 2^k
  const auto exponent = hn::ShiftLeft<mantissa_bits<D>>(hn::BitCast(u, bits));
  return hn::BitCast(d, hn::Add(hn::BitCast(u, p), exponent));
}

template <class T>
ExpTotal<T> total(const T* x, std::int64_t n) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d), whole = n / lanes * lanes;
  auto largest = hn::Set(d, -infinity);
  auto is_below = hn::Lt(largest, hn::Zero(d));  // no element so far is NaN or +inf
  const auto compare = [&](auto v) HWY_ATTR {
    is_below = hn::And(is_below, hn::Lt(v, hn::Set(d, infinity)));
    largest = hn::Max(largest, v);
  };
  for (std::int64_t i = 0; i < whole; i += lanes) {
    hwy::Prefetch(x + i + 512);
    compare(hn::LoadU(d, x + i));
  }
  const auto last = whole < n ? last_vector(d, x, whole, n) : hn::Set(d, -infinity);
  compare(last);
  const T shift = hn::GetLane(hn::MaxOfLanes(d, largest));
  if (!hn::AllTrue(d, is_below) || shift == -infinity)
    return {shift, std::numeric_limits<double>::quiet_NaN()};

  // Up to 64 vectors are summed in T; such sums are added in double. Powers take longer than to fetch what mostly comes
  // next: as many elements from there, whose largest is looked for first.
  const std::int64_t tile = 64 * lanes;
  const auto power = [&](auto v) HWY_ATTR { return term(d, hn::Sub(v, hn::Set(d, shift))); };
  auto sum = whole < n ? power(last) : hn::Zero(d);
  double total = 0;
  for (std::int64_t i = 0; i < whole || i == 0; i += tile) {
    for (std::int64_t j = i; j < std::min(i + tile, whole); j += lanes) {
      hwy::Prefetch(x + n + j);
      sum = hn::Add(sum, power(hn::LoadU(d, x + j)));
    }
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
    sum = hn::Zero(d);
  }
  return {shift, total};
}

// 64 rows after another: first their largest elements, to which the totals so far are brought, then their powers, for
// which the rows lie in the cache. (A last vector that is not full stands in a buffer.)
template <class T>
void column_totals(const T* x, std::int64_t n, std::int64_t stride, std::int64_t columns, T* largest,
                   double* totals) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d), whole = columns / lanes * lanes;
  const auto minus_infinity = hn::Set(d, -infinity);
  HWY_ALIGN T rest[HWY_MAX_BYTES / sizeof(T)] = {};
  const auto load = [&](const T* row, std::int64_t c) HWY_ATTR {
    if (c < whole) return hn::LoadU(d, row + c);
    std::copy(row + whole, row + columns, rest);
    return hn::Load(d, rest);
  };
  constexpr std::int64_t room = exp_totals_columns<T> + HWY_MAX_BYTES / sizeof(T);
  HWY_ALIGN T top[room], sums[room], is_below[room];  // is_below: 1 if no element so far is NaN or +inf
  const std::int64_t used = (columns + lanes - 1) / lanes * lanes;
  std::fill_n(top, used, -infinity);
  std::fill_n(is_below, used, T{1});
  std::fill_n(totals, columns, 0.0);

  for (std::int64_t i = 0; i < n; i += 64) {
    const std::int64_t end = std::min(i + 64, n);
    std::copy_n(top, used, sums);
    for (std::int64_t row = i; row < end; ++row) {
      for (std::int64_t c = 0; c < columns; c += lanes) {
        const auto v = load(x + row * stride, c);
        hn::Store(hn::Max(hn::Load(d, top + c), v), d, top + c);
        hn::Store(hn::IfThenElseZero(hn::Lt(v, hn::Set(d, infinity)), hn::Load(d, is_below + c)), d,
                  is_below + c);
      }
    }
    for (std::int64_t c = 0; c < columns; c += lanes) {
      const auto before = hn::Load(d, sums + c);
      const auto factor = hn::Exp(d, hn::Sub(before, hn::Load(d, top + c)));
      hn::Store(hn::IfThenZeroElse(hn::Eq(before, minus_infinity), factor), d, sums + c);
    }
    for (std::int64_t c = 0; c < columns; ++c) totals[c] *= static_cast<double>(sums[c]);
    std::fill_n(sums, used, T{0});
    for (std::int64_t row = i; row < end; ++row) {
      for (std::int64_t c = 0; c < columns; c += lanes) {
        const auto largest_so_far = hn::Load(d, top + c);
        const auto shift = hn::IfThenZeroElse(hn::Eq(largest_so_far, minus_infinity), largest_so_far);
        const auto power = term(d, hn::Sub(load(x + row * stride, c), shift));
        hn::Store(hn::Add(hn::Load(d, sums + c), power), d, sums + c);
      }
    }
    for (std::int64_t c = 0; c < columns; ++c) totals[c] += static_cast<double>(sums[c]);
  }
  for (std::int64_t c = 0; c < columns; ++c) {
    largest[c] = top[c];
    if (is_below[c] == T{0} || top[c] == -infinity) totals[c] = std::numeric_limits<double>::quiet_NaN();
  }
}

template <class T>
void write(const T* x, std::int64_t n, T shift, T factor, T offset, T* out) {
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d), whole = n / lanes * lanes;
  const auto result = [&](auto v) HWY_ATTR {
    const auto power = hn::Exp(d, hn::Sub(v, hn::Set(d, shift)));
    return hn::Sub(hn::Mul(power, hn::Set(d, factor)), hn::Set(d, offset));
  };
  for (std::int64_t i = 0; i < whole; i += lanes) hn::StoreU(result(hn::LoadU(d, x + i)), d, out + i);
  if (whole == n) return;
  if (n >= lanes) {  // some elements a second time
    hn::StoreU(result(hn::LoadU(d, x + n - lanes)), d, out + n - lanes);
  } else {
    HWY_ALIGN T rest[HWY_MAX_BYTES / sizeof(T)];
    hn::Store(result(last_vector(d, x, 0, n)), d, rest);
    std::copy_n(rest, n, out);
  }
}

TAPER_NAME_BOTH(total);
TAPER_NAME_BOTH(column_totals);
TAPER_NAME_BOTH(write);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(total);
TAPER_EXPORT_BOTH(column_totals);
TAPER_EXPORT_BOTH(write);

}  // namespace

template <class T>
ExpTotal<T> exp_total(const T* x, std::int64_t n) {
  return total<T>(x, n);
}

template <class T>
void exp_totals(const T* x, std::int64_t n, std::int64_t stride, std::int64_t columns, T* largest,
                double* totals) {
  column_totals<T>(x, n, stride, columns, largest, totals);
}

template <class T>
void exp_row(const T* x, std::int64_t n, T shift, T factor, T offset, T* out) {
  write<T>(x, n, shift, factor, offset, out);
}

template ExpTotal<float> exp_total(const float*, std::int64_t);
template ExpTotal<double> exp_total(const double*, std::int64_t);
template void exp_totals(const float*, std::int64_t, std::int64_t, std::int64_t, float*, double*);
template void exp_totals(const double*, std::int64_t, std::int64_t, std::int64_t, double*, double*);
template void exp_row(const float*, std::int64_t, float, float, float, float*);
template void exp_row(const double*, std::int64_t, double, double, double, double*);

}  // namespace taper::kernels
#endif
