// pow: the forward kernel and, beside it, the vector-Jacobian product. pow.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/kernels/functions.hpp>
#include <taper/ops/log.hpp>
#include <taper/ops/mul.hpp>
#include <taper/ops/pow.hpp>
#include <taper/ops/sub.hpp>
#include <taper/ops/sum.hpp>
#include <taper/ops/where.hpp>

namespace taper {

Tensor pow(const Tensor& x, const Tensor& p) {
  detail::check_given("pow", "x", x, "p", p);
  const Tensor y = kernels::map("pow", x, p, kernels::functions::Power());
  return record("pow", y,
                vjp(x,
                    [x, p, to_x = SumTo(x, y)](const Tensor& dy) {
                      // p x^(p-1), with p = 1 under the power where both are 0: 0 x^0 = 0.
                      const Tensor both_zero = kernels::map("pow", x, p, kernels::functions::AreZero());
                      const Tensor power = where(both_zero, scalar_like(1, p), p);
                      return to_x(dy * (p * pow(x, power - 1.0)));
                    }),
                vjp(p, [x, y, to_p = SumTo(p, y)](const Tensor& dy) {
                  // log 1 = 0 in the place of log 0.
                  const Tensor zero = kernels::map("pow", x, kernels::functions::IsZero());
                  return to_p(dy * (y * log(where(zero, scalar_like(1, x), x))));
                }));
}

}  // namespace taper
