// exp_total and exp_row, compiled for each instruction set.
// foreach_target.h includes this file again, and the order matters:
// clang-format off
#include <taper/ops/kernels/simd.hpp>
#define HWY_TARGET_INCLUDE "taper/ops/kernels/exp_row.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
// clang-format on

#include <taper/ops/kernels/exp_row.hpp>

#include <algorithm>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Calls body(i, vector of x[i …]) for the whole row; the last vector is filled up with -inf.
template <class T, class Body>
HWY_INLINE void for_each_vector(const T* x, std::int64_t first, std::int64_t last, const Body& body) {
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d);
  std::int64_t i = first;
  for (; i + lanes <= last; i += lanes) body(i, hn::LoadU(d, x + i));
  if (i == last) return;
  HWY_ALIGN T rest[HWY_MAX_BYTES / sizeof(T)];
  std::fill(std::copy(x + i, x + last, rest), rest + lanes, -std::numeric_limits<T>::infinity());
  body(i, hn::Load(d, rest));
}

template <class T>
HWY_INLINE ExpTotal<T> total(const T* x, std::int64_t n) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  const hn::ScalableTag<T> d;
  auto largest = hn::Set(d, -infinity);
  auto is_below = hn::Lt(largest, hn::Zero(d));  // of each element so far: neither NaN nor +inf
  for_each_vector(x, 0, n, [&](std::int64_t, auto v) HWY_ATTR {
    is_below = hn::And(is_below, hn::Lt(v, hn::Set(d, infinity)));
    largest = hn::Max(largest, v);
  });
  const T shift = hn::GetLane(hn::MaxOfLanes(d, largest));
  if (!hn::AllTrue(d, is_below) || shift == -infinity)
    return {shift, std::numeric_limits<double>::quiet_NaN()};

  constexpr std::int64_t tile = 1024;  // summed in T; the tiles in double
  double total = 0;
  for (std::int64_t i = 0; i < n; i += tile) {
    auto sum = hn::Zero(d);
    for_each_vector(x, i, std::min(i + tile, n), [&](std::int64_t, auto v) HWY_ATTR {
      sum = hn::Add(sum, hn::Exp(d, hn::Sub(v, hn::Set(d, shift))));
    });
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
  }
  return {shift, total};
}

template <class T>
HWY_INLINE void write(const T* x, std::int64_t n, T shift, T factor, T offset, T* out) {
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d);
  for_each_vector(x, 0, n, [&](std::int64_t i, auto v) HWY_ATTR {
    const auto e = hn::Exp(d, hn::Sub(v, hn::Set(d, shift)));
    const auto y = hn::Sub(hn::Mul(e, hn::Set(d, factor)), hn::Set(d, offset));
    if (i + lanes <= n) return hn::StoreU(y, d, out + i);
    HWY_ALIGN T rest[HWY_MAX_BYTES / sizeof(T)];
    hn::Store(y, d, rest);
    std::copy(rest, rest + (n - i), out + i);
  });
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
