// gelu: y = x Phi(x); dx = dy (Phi(x) + x phi(x)), phi = Phi'.
#include "gelu.hpp"

#include "../../core/record.hpp"
#include "../elementwise/exp.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/square.hpp"
#include "../elementwise/sub.hpp"
#include "../kernels/activation/gelu.hpp"

namespace taper {
namespace {

constexpr double inverse_sqrt_2pi = 0.39894228040143267794;

// phi(x), in public ops: it may be differentiated for as long as anyone likes.
Tensor normal_density(const Tensor& x) { return exp(-0.5 * square(x)) * inverse_sqrt_2pi; }

// dx = dy gelu'(x) in one pass, recorded as an op of its own: linear in dy, and gelu''(x) = phi(x) (2 - x^2).
Tensor gelu_vjp(const Tensor& x, const Tensor& dy) {
  return record(
      "gelu", kernels::gelu_vjp(x, dy),
      vjp(x, [x, dy](const Tensor& ddx) { return ddx * dy * (normal_density(x) * (2.0 - square(x))); }),
      vjp(dy, [x](const Tensor& ddx) { return gelu_vjp(x, ddx); }));
}

}  // namespace

Tensor gelu(const Tensor& x) {
  check_given("gelu", "x", x);
  return record("gelu", kernels::gelu(x), vjp(x, [x](const Tensor& dy) { return gelu_vjp(x, dy); }));
}

}  // namespace taper
