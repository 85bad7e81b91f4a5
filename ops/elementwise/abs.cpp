// abs: dx = dy sign(x), 0 at x = 0.
#include "abs.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"
#include "mul.hpp"

namespace taper {

Tensor abs(const Tensor& x) {
  return record("abs", kernels::map("abs", x, kernels::functions::Abs()), vjp(x, [x](const Tensor& dy) {
                  const Tensor sign = kernels::map("abs", x, kernels::functions::Sign());
                  return dy * sign;
                }));
}

}  // namespace taper
