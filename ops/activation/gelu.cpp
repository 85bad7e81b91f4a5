// gelu: y = x Phi(x); dx = dy (Phi(x) + x phi(x)), phi = Phi'.
#include "gelu.hpp"

#include "../../core/create.hpp"
#include "../../core/record.hpp"
#include "../elementwise/exp.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/neg.hpp"
#include "../elementwise/square.hpp"
#include "../elementwise/sub.hpp"
#include "../elementwise/where.hpp"
#include "../kernels/activation/gelu.hpp"

namespace taper {
namespace {

constexpr double inverse_sqrt_2pi = 0.39894228040143267794;

// x where phi(x) is not 0, 0 elsewhere: phi vanishes faster than any power of x grows, and 0 * inf would be NaN.
Tensor near_zero(const Tensor& x, const Tensor& density) { return where(density, x, scalar_like(0, x)); }

// phi(x), recorded as an op of its own: phi'(x) = -x phi(x).
Tensor normal_density(const Tensor& x) {
  const Tensor y = exp(-0.5 * square(x.detach())) * inverse_sqrt_2pi;
  return record("gelu", y, vjp(x, [x, y](const Tensor& dy) { return dy * -(near_zero(x, y) * y); }));
}

// dx = dy gelu'(x) in one pass, recorded as an op of its own: linear in dy, and gelu''(x) = phi(x) (2 - x^2).
Tensor gelu_vjp(const Tensor& x, const Tensor& dy) {
  return record("gelu", kernels::gelu_vjp(x, dy),
                vjp(x,
                    [x, dy](const Tensor& ddx) {
                      const Tensor density = normal_density(x);
                      return ddx * dy * (density * (2.0 - square(near_zero(x, density))));
                    }),
                vjp(dy, [x](const Tensor& ddx) { return gelu_vjp(x, ddx); }));
}

}  // namespace

Tensor gelu(const Tensor& x) {
  check_given("gelu", "x", x);
  return record("gelu", kernels::gelu(x), vjp(x, [x](const Tensor& dy) { return gelu_vjp(x, dy); }));
}

}  // namespace taper
