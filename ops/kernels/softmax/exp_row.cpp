// exp_total and exp_row, compiled for each instruction set.
// foreach_target.h includes this file again, and the order matters:
// clang-format off
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/softmax/exp_row.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
// clang-format on

#include "exp_row.hpp"

#include <algorithm>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The elements x[i … n) that are too few for a vector, behind lanes of -inf or before them.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> last_vector(D d, const T* x, std::int64_t i, std::int64_t n) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  const std::int64_t lanes = hn::Lanes(d);
  if (n >= lanes) {  // what the vector before has read already is blotted out
    const auto is_old = hn::FirstN(d, static_cast<std::size_t>(lanes - (n - i)));
    return hn::IfThenElse(is_old, hn::Set(d, -infinity), hn::LoadU(d, x + n - lanes));
  }
  HWY_ALIGN T rest[HWY_MAX_BYTES / sizeof(T)];
  std::fill(std::copy(x + i, x + n, rest), rest + lanes, -infinity);
  return hn::Load(d, rest);
}

template <class T>
HWY_INLINE ExpTotal<T> total(const T* x, std::int64_t n) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d), whole = n / lanes * lanes;
  auto largest = hn::Set(d, -infinity);
  auto is_below = hn::Lt(largest, hn::Zero(d));  // of each element so far: neither NaN nor +inf
  const auto compare = [&](auto v) HWY_ATTR {
    is_below = hn::And(is_below, hn::Lt(v, hn::Set(d, infinity)));
    largest = hn::Max(largest, v);
  };
  for (std::int64_t i = 0; i < whole; i += lanes) compare(hn::LoadU(d, x + i));
  if (whole < n) compare(last_vector(d, x, whole, n));
  const T shift = hn::GetLane(hn::MaxOfLanes(d, largest));
  if (!hn::AllTrue(d, is_below) || shift == -infinity)
    return {shift, std::numeric_limits<double>::quiet_NaN()};

  // Summed in T for at most 64 vectors, beyond that in double.
  const std::int64_t tile = 64 * lanes;
  const auto power = [&](auto v) HWY_ATTR { return hn::Exp(d, hn::Sub(v, hn::Set(d, shift))); };
  auto sum = whole < n ? power(last_vector(d, x, whole, n)) : hn::Zero(d);
  double total = 0;
  for (std::int64_t i = 0; i < whole || i == 0; i += tile) {
    for (std::int64_t j = i; j < std::min(i + tile, whole); j += lanes) {
      sum = hn::Add(sum, power(hn::LoadU(d, x + j)));
    }
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
    sum = hn::Zero(d);
  }
  return {shift, total};
}

template <class T>
HWY_INLINE void write(const T* x, std::int64_t n, T shift, T factor, T offset, T* out) {
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

ExpTotal<float> total_float32(const float* x, std::int64_t n) { return total(x, n); }
ExpTotal<double> total_float64(const double* x, std::int64_t n) { return total(x, n); }
void write_float32(const float* x, std::int64_t n, float shift, float factor, float offset, float* out) {
  write(x, n, shift, factor, offset, out);
}
void write_float64(const double* x, std::int64_t n, double shift, double factor, double offset, double* out) {
  write(x, n, shift, factor, offset, out);
}

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {

HWY_EXPORT(total_float32);
HWY_EXPORT(total_float64);
HWY_EXPORT(write_float32);
HWY_EXPORT(write_float64);

ExpTotal<float> exp_total(const float* x, std::int64_t n) {
  return HWY_DYNAMIC_DISPATCH(total_float32)(x, n);
}
ExpTotal<double> exp_total(const double* x, std::int64_t n) {
  return HWY_DYNAMIC_DISPATCH(total_float64)(x, n);
}
void exp_row(const float* x, std::int64_t n, float shift, float factor, float offset, float* out) {
  HWY_DYNAMIC_DISPATCH(write_float32)(x, n, shift, factor, offset, out);
}
void exp_row(const double* x, std::int64_t n, double shift, double factor, double offset, double* out) {
  HWY_DYNAMIC_DISPATCH(write_float64)(x, n, shift, factor, offset, out);
}

}  // namespace taper::kernels
#endif
