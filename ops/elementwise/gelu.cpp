// gelu: y = x Phi(x); dx = dy (Phi(x) + x phi(x)), phi = Phi'.
#include "gelu.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/gelu.hpp"
#include "exp.hpp"
#include "mul.hpp"
#include "square.hpp"
#include "sub.hpp"

namespace taper {
namespace {

constexpr double inverse_sqrt_2pi = 0.39894228040143267794;

// phi(x), in public ops: it may be differentiated for as long as anyone likes.
Tensor normal_density(const Tensor& x) { return exp(-0.5 * square(x)) * inverse_sqrt_2pi; }

Tensor pullback_kernel(const Tensor& x, const Tensor& dy) {
  if (!x.device().is_cpu()) return kernels::map("gelu", x, dy, kernels::functions::GeluPullback());
  Tensor dx = Tensor::uninitialized("gelu", x.shape(), x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    const T *from = x.data<T>(), *cotangent = dy.data<T>();
    T* to = dx.mutable_data<T>();
    parallel_ranges(x.size(), elements_of_part, [=](std::int64_t begin, std::int64_t end) {
      kernels::gelu_pullback(end - begin, from + begin, cotangent + begin, to + begin);
    });
  });
  return dx;
}

Tensor forward_kernel(const Tensor& x) {
  if (!x.device().is_cpu()) return kernels::map("gelu", x, kernels::functions::Gelu());
  Tensor y = Tensor::uninitialized("gelu", x.shape(), x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    const T* from = x.data<T>();
    T* to = y.mutable_data<T>();
    parallel_ranges(x.size(), elements_of_part, [=](std::int64_t begin, std::int64_t end) {
      kernels::gelu(end - begin, from + begin, to + begin);
    });
  });
  return y;
}

// dx = dy gelu'(x) in one pass, recorded as an op of its own: linear in dy, and gelu''(x) = phi(x) (2 - x^2).
Tensor pullback(const Tensor& x, const Tensor& dy) {
  kernels::common_kind("gelu", x, dy);
  return record(
      "gelu", pullback_kernel(x, dy),
      vjp(x, [x, dy](const Tensor& ddx) { return ddx * dy * (normal_density(x) * (2.0 - square(x))); }),
      vjp(dy, [x](const Tensor& ddx) { return pullback(x, ddx); }));
}

}  // namespace

Tensor gelu(const Tensor& x) {
  detail::check_given("gelu", "x", x);
  return record("gelu", forward_kernel(x), vjp(x, [x](const Tensor& dy) { return pullback(x, dy); }));
}

}  // namespace taper
