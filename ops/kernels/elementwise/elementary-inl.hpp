// Elementary functions of vectors: the functors of functions.hpp that a compiler would make a call for each
// element of. Compiled once for each instruction set: include it after <hwy/highway.h> in a file that
// <hwy/foreach_target.h> repeats.
//
// Every set gives the same bits: sums and products are rounded one by one, never fused (the file that includes
// this one is compiled without contraction). The largest errors found, in units of the last place, are 1 for exp,
// log and log1p, 2.5 for tanh and sigmoid, and 2 for the others. bench/fit_elementary.py finds the coefficients.
//
// How each function is brought down to a small interval is told by Cody and Waite, Software Manual for the
// Elementary Functions (1980), and by Tang, ACM Transactions on Mathematical Software 15 and 16 (1989 and 1990).
#if defined(TAPER_ELEMENTARY_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPER_ELEMENTARY_INL
#undef TAPER_ELEMENTARY_INL
#else
#define TAPER_ELEMENTARY_INL
#endif

#include "functions.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class D>
inline constexpr bool is_float32 = sizeof(hn::TFromD<D>) == sizeof(float);
template <class D>
inline constexpr int mantissa_bits = is_float32<D> ? 23 : 52;

// a in float32, b in float64.
template <class D>
HWY_INLINE hn::Vec<D> choose(D d, double a, double b) {
  return hn::Set(d, static_cast<hn::TFromD<D>>(is_float32<D> ? a : b));
}
template <class D>
HWY_INLINE hn::Vec<D> number(D d, double a) {
  return choose(d, a, a);
}

// The polynomial with these coefficients, the highest power's first.
template <class D, class... Coefficients>
HWY_INLINE hn::Vec<D> polynomial(D d, hn::Vec<D> x, double first, Coefficients... others) {
  auto sum = number(d, first);
  ((sum = hn::Add(hn::Mul(sum, x), number(d, others))), ...);
  return sum;
}

// x, but not above or below the limit; NaN stays.
template <class D>
HWY_INLINE hn::Vec<D> at_most(D, hn::Vec<D> limit, hn::Vec<D> x) {
  return hn::IfThenElse(hn::Gt(x, limit), limit, x);
}
template <class D>
HWY_INLINE hn::Vec<D> at_least(D, hn::Vec<D> limit, hn::Vec<D> x) {
  return hn::IfThenElse(hn::Lt(x, limit), limit, x);
}

// A float whose last bits count from 0: added to an integer that is not negative it holds its binary digits.
template <class D>
HWY_INLINE hn::Vec<D> counter(D d) {
  return choose(d, 0x1p23, 0x1p52);
}
// 2^k for integers k, if that is a normal number.
template <class D>
HWY_INLINE hn::Vec<D> power_of_2(D d, hn::Vec<D> k) {
  const hn::RebindToUnsigned<D> bits;
  const auto biased = hn::Add(hn::Add(k, choose(d, 127, 1023)), counter(d));
  return hn::BitCast(d, hn::ShiftLeft<mantissa_bits<D>>(hn::BitCast(bits, biased)));
}

// e^x = 2^k (1 + p), with k an integer and p = e^r - 1 for some |r| <= log(2) / 2.
template <class D>
struct Power {
  hn::Vec<D> k, p;
};
template <class D>
HWY_INLINE Power<D> power(D d, hn::Vec<D> x) {
  const auto k = hn::Round(hn::Mul(x, number(d, 1.4426950408889634)));
  // x - k log 2 in two parts, the first of which is exact, and what its rounding leaves.
  const auto high = hn::Sub(x, hn::Mul(k, choose(d, 0.693115234375, 0.69314718036912382)));
  const auto low = hn::Mul(k, choose(d, 3.1946183298714459e-05, 1.9082149292705877e-10));
  const auto r = hn::Sub(high, low), missing = hn::Sub(hn::Sub(high, r), low);
  hn::Vec<D> tail;  // (e^r - 1 - r) / r^2
  if constexpr (is_float32<D>) {
    tail = polynomial(d, r, 0.000198909911, 0.00139336498, 0.00833331048, 0.0416664667, 0.166666672, 0.5);
  } else {
    tail = polynomial(d, r, 2.0914686968086876e-09, 2.5105217004720745e-08, 2.7557273643110297e-07,
                      2.7557255400206422e-06, 2.4801587325547743e-05, 0.00019841269874820627,
                      0.0013888888888883748, 0.0083333333333261358, 0.041666666666666671, 0.16666666666666671,
                      0.5);
  }
  return {k, hn::Add(r, hn::Add(missing, hn::Mul(hn::Mul(r, r), tail)))};
}

// e^x - 1 for x at least -20 (float64: -40), where it is -1 already, and not above where it overflows.
template <class D>
HWY_INLINE hn::Vec<D> power_minus_1(D d, hn::Vec<D> x) {
  const auto [k, p] = power(d, x);
  const auto half = power_of_2(d, hn::Sub(k, number(d, 1)));  // for 2^k may overflow if the result does not
  return hn::Mul(number(d, 2), hn::Add(hn::Mul(half, p), hn::Sub(half, number(d, 0.5))));
}

template <class D>
HWY_INLINE hn::Vec<D> apply(functions::Exp, D d, hn::Vec<D> x) {
  x = at_least(d, choose(d, -105, -746), at_most(d, choose(d, 89, 710), x));
  const auto [k, p] = power(d, x);
  const auto half = hn::Floor(hn::Mul(k, number(d, 0.5)));  // two factors, for the result may be subnormal
  return hn::Mul(hn::Mul(hn::Add(number(d, 1), p), power_of_2(d, half)), power_of_2(d, hn::Sub(k, half)));
}

template <class D>
HWY_INLINE hn::Vec<D> apply(functions::Expm1, D d, hn::Vec<D> x) {
  const auto inside = at_least(d, choose(d, -20, -40), at_most(d, choose(d, 89, 710), x));
  const auto is_tiny = hn::Lt(hn::Abs(x), choose(d, 0x1p-26, 0x1p-55));
  return hn::IfThenElse(is_tiny, x, power_minus_1(d, inside));
}

// With t = e^2|x| - 1: t / (t + 2), or 1 - 2 / (t + 2), which rounds better if the result is near 1.
template <class D>
HWY_INLINE hn::Vec<D> apply(functions::Tanh, D d, hn::Vec<D> x) {
  const auto size = at_most(d, choose(d, 10, 20), hn::Abs(x));
  const auto t = power_minus_1(d, hn::Add(size, size));
  const auto is_small = hn::Lt(size, number(d, 0.55));
  const auto quotient = hn::Div(hn::IfThenElse(is_small, t, number(d, -2)), hn::Add(t, number(d, 2)));
  const auto result = hn::Add(hn::IfThenZeroElse(is_small, number(d, 1)), quotient);
  return hn::CopySign(result, x);
}

template <class D>
HWY_INLINE hn::Vec<D> apply(functions::Sigmoid, D d, hn::Vec<D> x) {
  const auto one = number(d, 1), e = apply(functions::Exp(), d, hn::Neg(hn::Abs(x)));
  return hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one), hn::Add(one, e));
}

// x weight, and 0 instead of inf * 0.
template <class D>
HWY_INLINE hn::Vec<D> vanishing_product(D d, hn::Vec<D> x, hn::Vec<D> weight) {
  return hn::IfThenZeroElse(hn::Eq(weight, hn::Zero(d)), hn::Mul(x, weight));
}

template <class D>
HWY_INLINE hn::Vec<D> apply(functions::Silu, D d, hn::Vec<D> x) {
  return vanishing_product(d, x, apply(functions::Sigmoid(), d, x));
}

template <class D>
HWY_INLINE hn::Vec<D> apply(functions::SiluSlope, D d, hn::Vec<D> x) {
  const auto one = number(d, 1), e = apply(functions::Exp(), d, hn::Neg(hn::Abs(x)));
  const auto u = hn::Div(one, hn::Add(one, e)), other = hn::Mul(e, u);
  const auto sigmoid = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), other, u);
  return hn::Add(sigmoid, vanishing_product(d, x, hn::Mul(other, u)));
}

// log(u + c) for a normal u > 0 and a c that u is too large to hold.
template <class D>
HWY_INLINE hn::Vec<D> logarithm(D d, hn::Vec<D> u, hn::Vec<D> c) {
  // u = 2^k (1 + f) with 1 + f from sqrt(1/2) to sqrt(2). 0x1.6a09e6p-1 is sqrt(1/2).
  using Bits = hn::RebindToUnsigned<D>;
  const Bits bits;
  const auto root = hn::BitCast(bits, number(d, 0x1.6a09e6p-1)), one = hn::BitCast(bits, number(d, 1));
  const auto shifted = hn::Add(hn::BitCast(bits, u), hn::Sub(one, root));
  const auto biased =
      hn::BitCast(d, hn::Or(hn::ShiftRight<mantissa_bits<D>>(shifted), hn::BitCast(bits, counter(d))));
  const auto k = hn::Sub(hn::Sub(biased, counter(d)), choose(d, 127, 1023));
  const auto mantissa =
      hn::Set(bits, static_cast<hn::TFromD<Bits>>((std::uint64_t{1} << mantissa_bits<D>)-1));
  const auto f = hn::Sub(hn::BitCast(d, hn::Add(hn::And(shifted, mantissa), root)), number(d, 1));

  // log(1 + f) = 2 atanh(s) = f - f^2 / 2 + s (f^2 / 2 + z R(z)) with s = f / (2 + f), z = s^2.
  const auto s = hn::Div(f, hn::Add(number(d, 2), f)), z = hn::Mul(s, s);
  hn::Vec<D> tail;
  if constexpr (is_float32<D>) {
    tail = polynomial(d, z, 0.233306974, 0.285508126, 0.400001228, 0.666666687);
  } else {
    tail =
        polynomial(d, z, 0.13086907887965027, 0.13268746195596595, 0.15386240708969665, 0.18181795621632782,
                   0.22222222391887064, 0.28571428570802848, 0.40000000000000879, 0.66666666666666663);
  }
  const auto half_square = hn::Mul(hn::Mul(number(d, 0.5), f), f);
  const auto low =
      hn::Add(hn::Mul(k, choose(d, 3.1946183298714459e-05, 1.9082149292705877e-10)), hn::Div(c, u));
  const auto small = hn::Add(hn::Mul(s, hn::Add(half_square, hn::Mul(z, tail))), low);
  const auto high = hn::Mul(k, choose(d, 0.693115234375, 0.69314718036912382));
  return hn::Add(hn::Add(hn::Sub(small, half_square), f), high);
}

// NaN for x < low, -inf at x = low, and inf at infinity.
template <class D>
HWY_INLINE hn::Vec<D> with_ends(D d, hn::Vec<D> x, double low, hn::Vec<D> y) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  y = hn::IfThenElse(hn::Eq(x, number(d, low)), number(d, -infinity), y);
  y = hn::IfThenElse(hn::Eq(x, number(d, infinity)), x, y);
  const auto is_outside = hn::Not(hn::Ge(x, number(d, low)));  // NaN too
  return hn::IfThenElse(is_outside, number(d, std::numeric_limits<double>::quiet_NaN()), y);
}

template <class D>
HWY_INLINE hn::Vec<D> apply(functions::Log, D d, hn::Vec<D> x) {
  const auto is_subnormal = hn::Lt(x, choose(d, 0x1p-126, 0x1p-1022));
  const auto scale = hn::IfThenElse(is_subnormal, choose(d, 0x1p25, 0x1p54), number(d, 1));
  // The subtraction of 25 log 2 costs another rounding, of a number near -90 (-720).
  const auto shift = hn::IfThenElseZero(is_subnormal, choose(d, 17.328679513998632, 37.429947750237047));
  return with_ends(d, x, 0, hn::Sub(logarithm(d, hn::Mul(x, scale), hn::Zero(d)), shift));
}

template <class D>
HWY_INLINE hn::Vec<D> apply(functions::Log1p, D d, hn::Vec<D> x) {
  const auto one = number(d, 1), u = hn::Add(one, x);
  const auto rounding =
      hn::IfThenElse(hn::Lt(hn::Abs(x), one), hn::Sub(x, hn::Sub(u, one)), hn::Sub(one, hn::Sub(u, x)));
  const auto y = hn::CopySign(logarithm(d, u, rounding), x);  // the sign of 0
  return with_ends(d, x, -1, y);
}

// log1p(e^-|x|), between 0 and log 2.
template <class D>
HWY_INLINE hn::Vec<D> log1p_of_power(D d, hn::Vec<D> x) {
  const auto one = number(d, 1), e = apply(functions::Exp(), d, hn::Neg(hn::Abs(x)));
  const auto u = hn::Add(one, e);
  return logarithm(d, u, hn::Sub(e, hn::Sub(u, one)));
}

template <class D>
HWY_INLINE hn::Vec<D> apply(functions::Softplus, D d, hn::Vec<D> x) {
  return hn::Add(hn::IfThenElseZero(hn::Gt(x, hn::Zero(d)), x), log1p_of_power(d, x));
}

template <class D>
HWY_INLINE hn::Vec<D> apply(functions::LogSigmoid, D d, hn::Vec<D> x) {
  return hn::Sub(hn::IfThenElseZero(hn::Lt(x, hn::Zero(d)), x), log1p_of_power(d, x));
}

// Up to 1 by a polynomial, beyond that 1 - e^-x^2 Q with Q = e^x^2 erfc(x), which falls slowly: a polynomial in
// 4 / (4 + x).
template <class D>
HWY_INLINE hn::Vec<D> apply(functions::Erf, D d, hn::Vec<D> x) {
  const auto size = at_most(d, choose(d, 4, 6), hn::Abs(x)), z = hn::Mul(size, size);
  const auto v = hn::Sub(hn::Div(number(d, 4), hn::Add(number(d, 4), size)), number(d, 0.6));
  hn::Vec<D> excess, tail;  // erf(x) / x - 1, and Q
  if constexpr (is_float32<D>) {
    excess = polynomial(d, z, 7.87587487e-05, -0.00080168643, 0.00518908724, -0.0268542115, 0.112835944,
                        -0.37612626, 0.128379166);
    tail = polynomial(d, v, 1.43976963, 2.61152339, 3.47677922, 3.62992358, 3.11893511, 2.25980377,
                      1.39727712, 0.740649641, 0.199072629);
  } else {
    excess =
        polynomial(d, z, 5.9571761477489113e-11, -1.1372848856791674e-09, 1.4659775274047436e-08,
                   -1.6350312701054695e-07, 1.6461000484121368e-06, -1.4925595266831182e-05,
                   0.0001205533111164271, -0.000854832698083379, 0.0052239776248180145, -0.026866170645076792,
                   0.11283791670954879, -0.37612638903183748, 0.12837916709551259);
    tail = polynomial(d, v, -0.021941504840985084, -0.024247428163961394, 0.040098243904098184,
                      0.084434046052689143, -0.026129448612645868, -0.24201427372217851, -0.25167411206378149,
                      0.27970016003117909, 1.3667255286313653, 2.6141622710132575, 3.4780692471737602,
                      3.629804501770125, 3.1189287756772046, 2.2598046533765213, 1.3972771391520122,
                      0.74064964957291657, 0.19907263099386563);
  }
  const auto near = hn::Add(size, hn::Mul(size, excess));
  const auto decay = apply(functions::Exp(), d, hn::Neg(z));
  const auto far = hn::Sub(number(d, 1), hn::Mul(decay, tail));
  return hn::CopySign(hn::IfThenElse(hn::Le(size, number(d, 1)), near, far), x);
}

// sin(x + quarters pi / 2) in float64, with all digits that T has.
template <class T, class D>
HWY_INLINE hn::Vec<D> sine(D d, hn::Vec<D> x, int quarters) {
  const auto limit = number(d, 0x1p20);  // up to which k has 20 bits
  const auto k = hn::Round(hn::Mul(x, number(d, 0.63661977236758134)));
  // x - k pi / 2 in three parts; the products with the first two are exact.
  const auto high = hn::Sub(x, hn::Mul(k, number(d, 1.5707963267341256)));
  const auto middle = hn::Mul(k, number(d, 6.077100506303966e-11));
  const auto r = hn::Sub(high, middle);
  const auto missing =
      hn::Sub(hn::Sub(hn::Sub(high, r), middle), hn::Mul(k, number(d, 2.0222662487959506e-21)));
  const auto z = hn::Mul(r, r), half = hn::Mul(z, number(d, 0.5)), one = number(d, 1);
  hn::Vec<D> of_sine, of_cosine;  // (sin(r) / r - 1) / z, and (cos(r) - 1 + z / 2) / z^2
  if constexpr (sizeof(T) == sizeof(float)) {
    of_sine = polynomial(d, z, 2.7249864655139585e-06, -0.00019840086263755443, 0.0083333318738370889,
                         -0.16666666663853044);
    of_cosine = polynomial(d, z, -2.7300908167996537e-07, 2.4800599983531709e-05, -0.0013888887671288108,
                           0.041666666664319327);
  } else {
    of_sine = polynomial(d, z, -7.5866850700912671e-13, 1.6058531414589011e-10, -2.5052106231157904e-08,
                         2.7557319219335453e-06, -0.0001984126984126506, 0.0083333333333333315,
                         -0.16666666666666666);
    of_cosine = polynomial(d, z, 4.7458652037874553e-14, -1.1470460773969325e-11, 2.0876755790363397e-09,
                           -2.755731922140076e-07, 2.4801587301584645e-05, -0.0013888888888888887,
                           0.041666666666666664);
  }
  // sin(r + missing) and cos(r + missing).
  const auto flat = hn::Sub(one, half);
  const auto sin_r = hn::Add(r, hn::Add(hn::Mul(missing, flat), hn::Mul(hn::Mul(r, z), of_sine)));
  const auto cos_tail = hn::Sub(hn::Mul(hn::Mul(z, z), of_cosine), hn::Mul(r, missing));
  const auto cos_r = hn::Add(flat, hn::Add(hn::Sub(hn::Sub(one, flat), half), cos_tail));

  // The last two bits of k + quarters say which of the two, and its sign.
  const hn::RebindToUnsigned<D> bits;
  const auto turn = hn::BitCast(bits, hn::Add(hn::Add(k, number(d, quarters)), number(d, 0x1.8p52)));
  const auto last = hn::Set(bits, 1);
  const auto is_odd = hn::RebindMask(d, hn::Eq(hn::And(turn, last), last));
  const auto sign = hn::ShiftLeft<62>(hn::And(turn, hn::Set(bits, 2)));
  auto y = hn::Xor(hn::IfThenElse(is_odd, cos_r, sin_r), hn::BitCast(d, sign));
  if (hn::AllTrue(d, hn::Le(hn::Abs(x), limit))) return y;
  HWY_ALIGN double from[HWY_MAX_BYTES / sizeof(double)], to[HWY_MAX_BYTES / sizeof(double)];
  hn::Store(x, d, from);
  hn::Store(y, d, to);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) {
    if (!(std::abs(from[i]) <= 0x1p20)) to[i] = quarters == 0 ? std::sin(from[i]) : std::cos(from[i]);
  }
  return hn::Load(d, to);
}
// In float32 too the angle is taken in float64, in vectors half as full.
template <class D>
HWY_INLINE hn::Vec<D> sine_of_any(D d, hn::Vec<D> x, int quarters) {
  if constexpr (is_float32<D>) {
    const hn::Rebind<double, D> wide;
    return hn::DemoteTo(d, sine<float>(wide, hn::PromoteTo(wide, x), quarters));
  } else {
    return sine<double>(d, x, quarters);
  }
}
// What the vectors of a function consist of.
template <class F, class T>
using VectorOf =
    hn::Rebind<T, hn::ScalableTag<std::conditional_t<
                      std::is_same_v<F, functions::Sin> || std::is_same_v<F, functions::Cos>, double, T>>>;

template <class D>
HWY_INLINE hn::Vec<D> apply(functions::Sin, D d, hn::Vec<D> x) {
  return hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x, sine_of_any(d, x, 0));  // the sign of 0
}
template <class D>
HWY_INLINE hn::Vec<D> apply(functions::Cos, D d, hn::Vec<D> x) {
  return sine_of_any(d, x, 1);
}

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
