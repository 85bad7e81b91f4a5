// pow: y = x^p; dx = dy p x^(p-1), dp = dy y log x.
#include "pow.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"
#include "../reduction/sum.hpp"
#include "log.hpp"
#include "mul.hpp"
#include "sub.hpp"
#include "where.hpp"

namespace taper {

Tensor pow(const Tensor& x, const Tensor& p) {
  check_given("pow", "x", x, "p", p);
  const Tensor y = kernels::map("pow", x, p, kernels::functions::Power());
  return record("pow", y,
                vjp(x,
                    [x, p, to_x = SumTo(x, y)](const Tensor& dy) {
                      // p x^(p-1). The power takes p = 1 where x and p are 0: 0 x^0 = 0.
                      const Tensor both_zero = kernels::map("pow", x, p, kernels::functions::AreZero());
                      const Tensor power = where(both_zero, scalar_like(1, p), p);
                      return to_x(dy * (p * pow(x, power - 1.0)));
                    }),
                vjp(p, [x, y, to_p = SumTo(p, y)](const Tensor& dy) {
                  // log 1 = 0 in place of log 0.
                  const Tensor zero = kernels::map("pow", x, kernels::functions::IsZero());
                  return to_p(dy * (y * log(where(zero, scalar_like(1, x), x))));
                }));
}

}  // namespace taper
