// erf: dx = dy 2 / sqrt(pi) e^(-x^2).
#include "erf.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementary.hpp"
#include "exp.hpp"
#include "mul.hpp"
#include "neg.hpp"

namespace taper {

Tensor erf(const Tensor& x) {
  constexpr double two_over_sqrt_pi = 1.12837916709551257390;
  return record("erf", kernels::map_elementary("erf", x, kernels::functions::Erf()),
                vjp(x, [x](const Tensor& dy) {
                  const Tensor decay = exp(-(x * x));  // not square(x): its slope 2 x may overflow
                  return dy * (two_over_sqrt_pi * decay);
                }));
}

}  // namespace taper
