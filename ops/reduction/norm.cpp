// norm: y = sqrt(sum x^2); dx = dy x / y, 0 at y = 0.
#include "norm.hpp"

#include "../../core/create.hpp"
#include "../../core/record.hpp"
#include "../elementwise/div.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/sub.hpp"
#include "../elementwise/where.hpp"
#include "../kernels/reduction/reduce.hpp"
#include "../layout/reshape.hpp"
#include "sum.hpp"

namespace taper {
namespace {

// x / y with y = norm(x) in x's rank, recorded as an op of its own: one fraction, not a difference of two that may both
// overflow if y is tiny. y is 1 in the place of 0, so that no branch of any derivative divides by 0.
Tensor direction(const Tensor& x, const Tensor& y) {
  const Tensor unit = x.detach() / y.detach();
  return record("norm", unit, vjp(x, [unit, y](const Tensor& dunit) {
                  return (dunit - unit * sum_to(dunit * unit, y.shape())) / y;
                }));
}

}  // namespace

Tensor norm(const Tensor& x, const Axes& axes, bool keepdims) {
  check_given("norm", "x", x);
  const kernels::ReducePlan plan =
      kernels::plan_reduction(x.shape(), axes.reduced("norm", x.shape()), keepdims);
  const Tensor y = kernels::norm("norm", plan, x);
  return record("norm", y, vjp(x, [x, y, kept = plan.kept](const Tensor& dy) {
                  const Tensor divisor = reshape(where(y, y, scalar_like(1, y)), kept);
                  return reshape(where(y, dy, scalar_like(0, y)), kept) * direction(x, divisor);
                }));
}

}  // namespace taper
