// select_row and center_row, compiled for each instruction set.
// clang-format off: foreach_target.h includes this file again, and the order matters
#include <taper/ops/kernels/simd.hpp>
#define HWY_TARGET_INCLUDE "taper/ops/kernels/select_row.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include <taper/ops/kernels/select_row.hpp>
#include <taper/ops/kernels/selection-inl.hpp>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

template <class T>
HWY_INLINE void select(const T* row, std::int64_t n, Selection<T>& selection) {
  const hn::ScalableTag<T> d;
  constexpr std::int64_t tile = 1024, step = Selection<T>::step;
  const std::int64_t whole = n / step * step;
  for (std::int64_t j = 0; j < whole; j += tile) scan(d, selection, row + j, std::min(tile, whole - j), j);
  if (whole < n) {
    T rest[step];
    std::fill(std::copy(row + whole, row + n, rest), rest + step, -infinity<T>);
    scan(d, selection, rest, step, whole);
  }
  prune(d, selection);
}

// Calls body(i, in0, in1, in2, in3) for each group of four vectors, from p[i] on, with masks of what is not
// 0.
template <class T, class Body>
HWY_INLINE void for_each_group(const T* p, std::int64_t n, const Body& body) {
  const hn::ScalableTag<T> d;
  const std::int64_t lanes = hn::Lanes(d);
  const auto in = [&](std::int64_t i) HWY_ATTR { return hn::Ne(hn::LoadU(d, p + i), hn::Zero(d)); };
  for (std::int64_t i = 0; i + 4 * lanes <= n; i += 4 * lanes) {
    body(i, in(i), in(i + lanes), in(i + 2 * lanes), in(i + 3 * lanes));
  }
}

template <class T>
HWY_INLINE void center(const T* g, const T* p, std::int64_t n, T* out) {
  const hn::ScalableTag<T> d;
  using M = hn::Mask<decltype(d)>;
  const std::int64_t lanes = hn::Lanes(d), rest = n / (4 * lanes) * (4 * lanes);

  double sum = 0, size = 0;
  for_each_group(p, n, [&](std::int64_t i, M in0, M in1, M in2, M in3) HWY_ATTR {
    if (HWY_LIKELY(hn::AllFalse(d, hn::Or(hn::Or(in0, in1), hn::Or(in2, in3))))) return;
    for (std::uint64_t bits = bits_of(d, in0, in1, in2, in3); bits != 0; bits &= bits - 1) {
      sum += static_cast<double>(g[i + hwy::Num0BitsBelowLS1Bit_Nonzero64(bits)]);
      ++size;
    }
  });
  for (std::int64_t i = rest; i < n; ++i) {
    sum += p[i] != 0 ? static_cast<double>(g[i]) : 0;
    size += p[i] != 0;
  }

  const T mean = static_cast<T>(sum / size);
  const auto center_vector = [&](std::int64_t i, M in) HWY_ATTR {
    hn::StoreU(hn::IfThenElseZero(in, hn::Sub(hn::LoadU(d, g + i), hn::Set(d, mean))), d, out + i);
  };
  for_each_group(p, n, [&](std::int64_t i, M in0, M in1, M in2, M in3) HWY_ATTR {
    if (HWY_LIKELY(hn::AllFalse(d, hn::Or(hn::Or(in0, in1), hn::Or(in2, in3))))) {
      for (int v = 0; v < 4; ++v) hn::StoreU(hn::Zero(d), d, out + i + v * lanes);
    } else {
      center_vector(i, in0), center_vector(i + lanes, in1);
      center_vector(i + 2 * lanes, in2), center_vector(i + 3 * lanes, in3);
    }
  });
  for (std::int64_t i = rest; i < n; ++i) out[i] = p[i] != 0 ? g[i] - mean : T{0};
}

void select_float32(const float* row, std::int64_t n, Selection<float>& selection) {
  select(row, n, selection);
}
void select_float64(const double* row, std::int64_t n, Selection<double>& selection) {
  select(row, n, selection);
}
void center_float32(const float* g, const float* p, std::int64_t n, float* out) { center(g, p, n, out); }
void center_float64(const double* g, const double* p, std::int64_t n, double* out) { center(g, p, n, out); }

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {

HWY_EXPORT(select_float32);
HWY_EXPORT(select_float64);
HWY_EXPORT(center_float32);
HWY_EXPORT(center_float64);

void select_row(const float* row, std::int64_t n, Selection<float>& selection) {
  HWY_DYNAMIC_DISPATCH(select_float32)(row, n, selection);
}
void select_row(const double* row, std::int64_t n, Selection<double>& selection) {
  HWY_DYNAMIC_DISPATCH(select_float64)(row, n, selection);
}
void center_row(const float* g, const float* p, std::int64_t n, float* out) {
  HWY_DYNAMIC_DISPATCH(center_float32)(g, p, n, out);
}
void center_row(const double* g, const double* p, std::int64_t n, double* out) {
  HWY_DYNAMIC_DISPATCH(center_float64)(g, p, n, out);
}

}  // namespace taper::kernels
#endif
