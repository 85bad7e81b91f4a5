// gelu and gelu_vjp: float32 compiled for each instruction set, float64 as plain loops.
// foreach_target.h includes this file again, and the order matters:
// clang-format off
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/activation/gelu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
// clang-format on

#include "gelu.hpp"

#include "../../../core/threads.hpp"
#include "../backend.hpp"
#include "../elementwise/elementwise.hpp"
#include "../vectors-inl.hpp"

#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

struct Normal {
  V distribution;  // Phi(x)
  V density;       // phi(x)
};

// For t = |x|, the upper tail is Phi(-t) = e^(-t^2 / 2) R(t). R, half of erfcx(t / sqrt(2)), is smooth and
// falls slowly: a polynomial in u = 1 / (1 + t / 4) has it to 1.5e-8 for t from 0 to 14. Soon beyond that,
// e^(-t^2 / 2) is 0 in float32. bench/fit_normal_tail.py finds the coefficients.
HWY_INLINE Normal normal(V x) {
  const D d;
  const V t = hn::Min(hn::Abs(x), hn::Set(d, 14.5f));  // so that t^2 is finite
  const V u = hn::Div(hn::Set(d, 1.0f), hn::MulAdd(t, hn::Set(d, 0.25f), hn::Set(d, 1.0f)));
  const V v = hn::Sub(u, hn::Set(d, 0.5f));
  V tail = hn::Set(d, 0.03394236f);
  for (const float coefficient : {-0.04341535f, -0.08418626f, 0.03223476f, 0.27192572f, 0.49384417f,
                                  0.57365429f, 0.49751688f, 0.34079548f, 0.09441064f}) {
    tail = hn::MulAdd(tail, v, hn::Set(d, coefficient));
  }
  // t^2 is rounded; what the rounding took away becomes a factor near 1. (With t cut in two the products are
  // exact, even without fused multiply-add: Dekker, Numerische Mathematik 18, 1971.)
  const hn::RebindToUnsigned<D> bits;
  const V high = hn::BitCast(d, hn::And(hn::BitCast(bits, t), hn::Set(bits, 0xfffff000u)));
  const V low = hn::Sub(t, high), square = hn::Mul(t, t);
  const V missing = hn::MulAdd(low, hn::Add(t, high), hn::MulSub(high, high, square));
  const V decay = hn::Exp(d, hn::Mul(square, hn::Set(d, -0.5f)));
  const V exponential = hn::NegMulAdd(hn::Mul(missing, hn::Set(d, 0.5f)), decay, decay);
  tail = hn::Mul(tail, exponential);
  return {hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(hn::Set(d, 1.0f), tail)),
          hn::Mul(exponential, hn::Set(d, 0.3989422804f))};
}

// x weight, and 0 instead of inf * 0: both weights vanish faster than x grows.
HWY_INLINE V times(V x, V weight) {
  const D d;
  return hn::IfThenZeroElse(hn::And(hn::Eq(weight, hn::Zero(d)), hn::Eq(x, x)), hn::Mul(x, weight));
}

void gelu_float32(std::int64_t n, const float* x, float* y) {
  map_vectors(
      D(), n, y, [](V v) HWY_ATTR { return times(v, normal(v).distribution); }, x);
}

void gelu_vjp_float32(std::int64_t n, const float* x, const float* dy, float* dx) {
  map_vectors(
      D(), n, dx,
      [](V v, V g) HWY_ATTR {
        const Normal at = normal(v);
        return hn::Mul(g, hn::Add(at.distribution, times(v, at.density)));
      },
      x, dy);
}

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

HWY_EXPORT(gelu_float32);
HWY_EXPORT(gelu_vjp_float32);

// Phi(x) = erfc(-x / sqrt(2)) / 2, which keeps its digits even if Phi is tiny.
double distribution(double x) { return std::erfc(-x * 0.70710678118654752440) / 2; }
double density(double x) { return std::exp(x * x / -2) * 0.39894228040143267794; }
double times(double x, double weight) { return weight == 0 && x == x ? 0 : x * weight; }

void gelu(std::int64_t n, const float* x, float* y) { HWY_DYNAMIC_DISPATCH(gelu_float32)(n, x, y); }
void gelu(std::int64_t n, const double* x, double* y) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = times(x[i], distribution(x[i]));
}

void gelu_vjp(std::int64_t n, const float* x, const float* dy, float* dx) {
  HWY_DYNAMIC_DISPATCH(gelu_vjp_float32)(n, x, dy, dx);
}
void gelu_vjp(std::int64_t n, const double* x, const double* dy, double* dx) {
  for (std::int64_t i = 0; i < n; ++i) dx[i] = dy[i] * (distribution(x[i]) + times(x[i], density(x[i])));
}

}  // namespace

Tensor gelu(const Tensor& x) {
  if (backend_of(x)) return map("gelu", x, functions::Gelu());
  Tensor y = Tensor::uninitialized("gelu", x.shape(), x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    const T* from = x.data<T>();
    T* to = y.mutable_data<T>();
    parallel_ranges(x.size(), part_size, [=](std::int64_t begin, std::int64_t end) {
      gelu(end - begin, from + begin, to + begin);
    });
  });
  return y;
}

Tensor gelu_vjp(const Tensor& x, const Tensor& dy) {
  common_kind("gelu", x, dy);
  if (backend_of(x)) return map("gelu", x, dy, functions::GeluVjp());
  Tensor dx = Tensor::uninitialized("gelu", x.shape(), x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    const T *from = x.data<T>(), *cotangent = dy.data<T>();
    T* to = dx.mutable_data<T>();
    parallel_ranges(x.size(), part_size, [=](std::int64_t begin, std::int64_t end) {
      gelu_vjp(end - begin, from + begin, cotangent + begin, to + begin);
    });
  });
  return dx;
}

}  // namespace taper::kernels
#endif
