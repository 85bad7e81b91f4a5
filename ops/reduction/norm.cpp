// norm: y = sqrt(sum x^2); dx = dy x / y, 0 at y = 0.
#include "norm.hpp"

#include "../../core/create.hpp"
#include "../../core/record.hpp"
#include "../elementwise/div.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/where.hpp"
#include "../kernels/reduction/reduce.hpp"
#include "../layout/reshape.hpp"

namespace taper {

Tensor norm(const Tensor& x, const Axes& axes, bool keepdims) {
  check_given("norm", "x", x);
  const kernels::ReducePlan plan =
      kernels::plan_reduction(x.shape(), axes.reduced("norm", x.shape()), keepdims);
  const Tensor y = kernels::norm("norm", plan, x);
  return record("norm", y, vjp(x, [x, y, kept = plan.kept](const Tensor& dy) {
                  // 1 in the place of y = 0, so that no branch of any derivative divides by 0.
                  const Tensor unit = x / reshape(where(y, y, scalar_like(1, y)), kept);
                  return reshape(where(y, dy, scalar_like(0, y)), kept) * unit;
                }));
}

}  // namespace taper
