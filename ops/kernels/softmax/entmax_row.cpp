// entmax, short_entmax, entmax_bound and center_row_by_power, compiled for each instruction set.
// foreach_target.h includes this file again, and the order matters:
// clang-format off
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/softmax/entmax_row.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
// clang-format on

#include "entmax_row.hpp"

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A vector of doubles from and to elements of T.
template <class D, class T>
HWY_INLINE hn::Vec<D> load_wide(D d, const T* x) {
  if constexpr (sizeof(T) == sizeof(double)) {
    return hn::LoadU(d, x);
  } else {
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<T, D>(), x));
  }
}
template <class D, class T>
HWY_INLINE void store_narrow(D d, hn::Vec<D> v, T* x) {
  if constexpr (sizeof(T) == sizeof(double)) {
    hn::StoreU(v, d, x);
  } else {
    const hn::Rebind<T, D> narrow;
    hn::StoreU(hn::DemoteTo(narrow, v), narrow, x);
  }
}

// p = u^(1 / (alpha - 1)) and s = p^(2 - alpha) = p / u for u = max(0, 1 + (alpha - 1) t). `is_square`: alpha
// is 1.5.
template <bool is_square, class D>
struct Power {
  hn::Vec<D> p, s;
  HWY_INLINE Power(D d, hn::Vec<D> t, double alpha) {
    const auto y = hn::Mul(t, hn::Set(d, alpha - 1));
    const auto u = hn::Max(hn::Zero(d), hn::Add(hn::Set(d, 1.0), y));
    if constexpr (is_square) {
      s = u, p = hn::Mul(u, u);
    } else {  // not by a power of u, which has lost digits of y if alpha is near 1
      const auto is_in = hn::Gt(u, hn::Zero(d));
      const auto log_p = hn::Mul(hn::Log1p(d, hn::IfThenElseZero(is_in, y)), hn::Set(d, 1 / (alpha - 1)));
      p = hn::IfThenElseZero(is_in, hn::Exp(d, log_p));
      s = hn::IfThenElseZero(is_in, hn::Div(p, u));
    }
  }
};

// Elements of a row. What follows them up to a whole vector is -inf.
template <class T>
struct Elements {
  const T* values;
  std::int64_t count;
  double largest;
};

// Sums over elements at a theta.
struct Sums {
  double p, s;
  double count, smallest;  // of the elements with p > 0: how many, and the smallest s
};
template <bool is_square, class T>
HWY_INLINE Sums sums_at(const Elements<T>& row, double alpha, double theta) {
  const hn::ScalableTag<double> d;
  const std::int64_t lanes = hn::Lanes(d);
  const auto largest = hn::Set(d, row.largest), shift = hn::Set(d, theta),
             none = hn::Set(d, infinity<double>);
  auto p = hn::Zero(d), s = p, count = p, smallest = none;
  for (std::int64_t j = 0; j < row.count; j += lanes) {
    const auto t = hn::Sub(hn::Sub(load_wide(d, row.values + j), largest), shift);
    const Power<is_square, decltype(d)> power(d, t, alpha);
    const auto is_in = hn::Gt(power.s, hn::Zero(d));
    p = hn::Add(p, power.p), s = hn::Add(s, power.s);
    count = hn::Add(count, hn::IfThenElseZero(is_in, hn::Set(d, 1.0)));
    smallest = hn::Min(smallest, hn::IfThenElse(is_in, power.s, none));
  }
  return {hn::GetLane(hn::SumOfLanes(d, p)), hn::GetLane(hn::SumOfLanes(d, s)),
          hn::GetLane(hn::SumOfLanes(d, count)), hn::GetLane(hn::MinOfLanes(d, smallest))};
}

// The theta at which the probabilities of row() sum to 1. Newton's steps begin at 0, which is not above it,
// and none leads beyond it, but for rounding. left(count, theta) is told how many elements have p > 0 so far; it may drop the
// others.
template <bool is_square, class T, class Row, class Left>
HWY_INLINE double theta_of(double alpha, const Row& row, const Left& left) {
  constexpr double enough = sizeof(T) == sizeof(double) ? 1e-15 : 1e-10;
  for (double theta = 0;;) {
    const Sums at = sums_at<is_square>(row(), alpha, theta);
    double step;
    if constexpr (is_square) {
      // If the support stays as it is, theta is the root of a quadratic, 2 h further on.
      const double square = at.s * at.s - at.count * (at.p - 1);
      const double h = (at.p - 1) / (at.s + std::sqrt(std::max(0.0, square)));
      if (square >= 0 && h < at.smallest) return theta + 2 * h;
      step = 2 * (at.p - std::sqrt(at.p)) / at.s;
    } else {
      step = -at.p * std::expm1((1 - alpha) * std::log(at.p)) / ((alpha - 1) * at.s);
    }
    if (!(step > enough * std::max(1.0, theta))) return theta;
    left(static_cast<std::int64_t>(at.count), theta);
    theta += step;
  }
}

// Writes the probabilities at theta to out[0 … count), and what follows up to a whole vector.
template <bool is_square, class T, class U>
HWY_INLINE void write_at(const Elements<T>& row, double alpha, double theta, U* out) {
  const hn::ScalableTag<double> d;
  const std::int64_t lanes = hn::Lanes(d);
  const auto largest = hn::Set(d, row.largest), shift = hn::Set(d, theta);
  for (std::int64_t j = 0; j < row.count; j += lanes) {
    const auto t = hn::Sub(hn::Sub(load_wide(d, row.values + j), largest), shift);
    store_narrow(d, Power<is_square, decltype(d)>(d, t, alpha).p, out + j);
  }
}

template <bool is_square, class T>
HWY_INLINE void solve(Candidates<T>& row, double alpha) {
  const double largest = static_cast<double>(row.largest);
  const auto elements = [&] {
    std::fill_n(row.values + row.count, hn::Lanes(hn::ScalableTag<double>()), -infinity<T>);
    return Elements<T>{row.values, row.count, largest};
  };
  const double theta = theta_of<is_square, T>(alpha, elements, [&](std::int64_t left, double so_far) {
    if (2 * left > row.count) return;
    row.keep([&](T z) { return 1 + (alpha - 1) * (static_cast<double>(z) - largest - so_far) > 0; });
  });
  write_at<is_square>(elements(), alpha, theta, row.values);
  row.keep([](T p) { return p > 0; });
}

template <class T>
void replace_by_entmax(Candidates<T>& row, double alpha) {
  if (row.count == 0) return;
  if (alpha == 1.5) {
    solve<true>(row, alpha);
  } else {
    solve<false>(row, alpha);
  }
}

template <bool is_square, class T>
HWY_INLINE void solve_short(const T* z, std::int64_t n, double alpha, T* out) {
  const hn::ScalableTag<double> d;
  const std::int64_t lanes = hn::Lanes(d), whole = n / lanes * lanes;
  HWY_ALIGN double wide[short_entmax_row + HWY_MAX_BYTES / sizeof(double)];
  for (std::int64_t i = 0; i < whole; i += lanes) hn::Store(load_wide(d, z + i), d, wide + i);
  std::fill(std::copy(z + whole, z + n, wide + whole), wide + whole + lanes, -infinity<double>);
  auto top = hn::Set(d, -infinity<double>);
  auto is_below = hn::Lt(top, hn::Zero(d));  // no element so far is NaN or +inf
  for (std::int64_t i = 0; i < n; i += lanes) {
    const auto v = hn::Load(d, wide + i);
    is_below = hn::And(is_below, hn::Lt(v, hn::Set(d, infinity<double>)));
    top = hn::Max(top, v);
  }
  const double largest = hn::GetLane(hn::MaxOfLanes(d, top));
  if (!hn::AllTrue(d, is_below))
    return static_cast<void>(std::fill_n(out, n, std::numeric_limits<T>::quiet_NaN()));
  if (largest == -infinity<double>) return static_cast<void>(std::fill_n(out, n, T{0}));
  const Elements<double> row{wide, n, largest};
  const double theta = theta_of<is_square, T>(
      alpha, [&] { return row; }, [](std::int64_t, double) {});
  write_at<is_square>(row, alpha, theta, wide);
  for (std::int64_t i = 0; i < whole; i += lanes) store_narrow(d, hn::Load(d, wide + i), out + i);
  for (std::int64_t i = whole; i < n; ++i) out[i] = static_cast<T>(wide[i]);
}

template <class T>
void short_row(const T* z, std::int64_t n, double alpha, T* out) {
  if (alpha == 1.5) {
    solve_short<true>(z, n, alpha, out);
  } else {
    solve_short<false>(z, n, alpha, out);
  }
}

template <class T>
T bound_of(const T* z, std::int64_t n, std::int64_t k, double alpha) {
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d), parts = 4 * lanes;
  if (parts > k || parts > n) return -infinity<T>;
  auto max0 = hn::Set(d, -infinity<T>), max1 = max0, max2 = max0, max3 = max0;
  for (std::int64_t i = 0; i + parts <= n; i += parts) {
    max0 = hn::Max(max0, hn::LoadU(d, z + i)), max1 = hn::Max(max1, hn::LoadU(d, z + i + lanes));
    max2 = hn::Max(max2, hn::LoadU(d, z + i + 2 * lanes)),
    max3 = hn::Max(max3, hn::LoadU(d, z + i + 3 * lanes));
  }
  HWY_ALIGN T maxima[4 * HWY_MAX_BYTES / sizeof(T)];
  hn::Store(max0, d, maxima), hn::Store(max1, d, maxima + lanes);
  hn::Store(max2, d, maxima + 2 * lanes), hn::Store(max3, d, maxima + 3 * lanes);
  const T largest = *std::max_element(maxima, maxima + parts);
  if (!(largest > -infinity<T> && largest < infinity<T>)) return -infinity<T>;
  const Elements<T> row{maxima, parts, static_cast<double>(largest)};
  const auto elements = [&] { return row; };
  const auto keep_all = [](std::int64_t, double) {};
  const double theta = alpha == 1.5 ? theta_of<true, T>(alpha, elements, keep_all)
                                    : theta_of<false, T>(alpha, elements, keep_all);
  // Less a little, for the rounding of theta and of this.
  const double width = (1 + 1e-6) / (alpha - 1), below = row.largest + (theta - width);
  return just_below(static_cast<T>(below - 1e-9));
}

template <class T>
void center_weighted(const T* g, const T* p, std::int64_t n, double exponent, T* out) {
  const hn::ScalableTag<double> d;
  const std::int64_t lanes = hn::Lanes(d), whole = n / lanes * lanes;
  // The last elements, too few for a vector, stand in a buffer each; where nothing stands, p is 0.
  HWY_ALIGN T last_g[HWY_MAX_BYTES / sizeof(double)] = {}, last_p[HWY_MAX_BYTES / sizeof(double)] = {},
                                     last_out[HWY_MAX_BYTES / sizeof(double)];
  std::copy(g + whole, g + n, last_g), std::copy(p + whole, p + n, last_p);
  const auto for_each_vector = [&](const auto& body) HWY_ATTR {
    for (std::int64_t i = 0; i < whole; i += lanes) body(g + i, p + i, out + i);
    if (whole < n) body(last_g, last_p, last_out);
  };

  auto total = hn::Zero(d), weighted = total;
  for_each_vector([&](const T* g_at, const T* p_at, T* s_at) HWY_ATTR {
    const auto probability = load_wide(d, p_at);
    const auto is_in = hn::Ne(probability, hn::Zero(d));
    auto s = hn::Zero(d);
    if (!hn::AllFalse(d, is_in)) {
      if (exponent == 0.5) {
        s = hn::Sqrt(probability);
      } else {
        const auto base = hn::IfThenElse(is_in, probability, hn::Set(d, 1.0));
        s = hn::IfThenElseZero(is_in, hn::Exp(d, hn::Mul(hn::Set(d, exponent), hn::Log(d, base))));
      }
      total = hn::Add(total, s);
      weighted = hn::Add(weighted, hn::Mul(s, hn::IfThenElseZero(is_in, load_wide(d, g_at))));
    }
    store_narrow(d, s, s_at);
  });
  const auto mean =
      hn::Set(d, hn::GetLane(hn::SumOfLanes(d, weighted)) / hn::GetLane(hn::SumOfLanes(d, total)));
  for_each_vector([&](const T* g_at, const T*, T* s_at) HWY_ATTR {
    const auto s = load_wide(d, s_at);
    const auto is_in = hn::Ne(s, hn::Zero(d));
    if (hn::AllFalse(d, is_in)) return;
    store_narrow(d, hn::IfThenElseZero(is_in, hn::Mul(s, hn::Sub(load_wide(d, g_at), mean))), s_at);
  });
  std::copy_n(last_out, n - whole, out + whole);
}

TAPER_NAME_BOTH(replace_by_entmax);
TAPER_NAME_BOTH(short_row);
TAPER_NAME_BOTH(bound_of);
TAPER_NAME_BOTH(center_weighted);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(replace_by_entmax);
TAPER_EXPORT_BOTH(short_row);
TAPER_EXPORT_BOTH(bound_of);
TAPER_EXPORT_BOTH(center_weighted);

}  // namespace

template <class T>
void entmax(Candidates<T>& row, double alpha) {
  replace_by_entmax<T>(row, alpha);
}

template <class T>
void short_entmax(const T* z, std::int64_t n, double alpha, T* out) {
  short_row<T>(z, n, alpha, out);
}

template <class T>
T entmax_bound(const T* z, std::int64_t n, std::int64_t k, double alpha) {
  return bound_of<T>(z, n, k, alpha);
}

template <class T>
void center_row_by_power(const T* g, const T* p, std::int64_t n, double exponent, T* out) {
  center_weighted<T>(g, p, n, exponent, out);
}

template void entmax(Candidates<float>&, double);
template void entmax(Candidates<double>&, double);
template void short_entmax(const float*, std::int64_t, double, float*);
template void short_entmax(const double*, std::int64_t, double, double*);
template float entmax_bound(const float*, std::int64_t, std::int64_t, double);
template double entmax_bound(const double*, std::int64_t, std::int64_t, double);
template void center_row_by_power(const float*, const float*, std::int64_t, double, float*);
template void center_row_by_power(const double*, const double*, std::int64_t, double, double*);

}  // namespace taper::kernels
#endif
