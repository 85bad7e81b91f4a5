// abs: the forward kernel and, beside it, the vector-Jacobian product. abs.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/abs.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/kernels/functions.hpp>
#include <taper/ops/mul.hpp>

namespace taper {

Tensor abs(const Tensor& x) {
  return record("abs", kernels::map("abs", x, kernels::functions::Abs()), vjp(x, [x](const Tensor& dy) {
                  const Tensor sign = kernels::map("abs", x, kernels::functions::Sign());
                  return dy * sign;
                }));
}

}  // namespace taper
