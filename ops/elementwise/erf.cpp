// erf: dx = dy 2 / sqrt(pi) e^(-x^2).
#include "erf.hpp"

#include "../../core/create.hpp"
#include "../../core/record.hpp"
#include "../kernels/elementwise/elementary.hpp"
#include "exp.hpp"
#include "mul.hpp"
#include "neg.hpp"
#include "where.hpp"

namespace taper {
namespace {

// erf'(x), recorded as an op of its own: erf''(x) = -2 x erf'(x). Where erf' is 0, x counts as 0, so that no
// derivative has 0 * inf.
Tensor slope(const Tensor& x) {
  constexpr double two_over_sqrt_pi = 1.12837916709551257390;
  const Tensor at = x.detach(), y = two_over_sqrt_pi * exp(-(at * at));
  return record("erf", y, vjp(x, [x, y](const Tensor& dy) {
                  return dy * (-2.0 * where(y, x, scalar_like(0, x)) * y);
                }));
}

}  // namespace

Tensor erf(const Tensor& x) {
  return record("erf", kernels::map_elementary("erf", x, kernels::functions::Erf()),
                vjp(x, [x](const Tensor& dy) { return dy * slope(x); }));
}

}  // namespace taper
