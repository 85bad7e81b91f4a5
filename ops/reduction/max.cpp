// max: dx = dy at the largest element; elements that tie share it.
#include "max.hpp"

#include "../../core/fail.hpp"
#include "../../core/record.hpp"
#include "../elementwise/div.hpp"
#include "../elementwise/mul.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"
#include "../kernels/reduction/reduce.hpp"
#include "../layout/broadcast_to.hpp"
#include "../layout/reshape.hpp"
#include "sum.hpp"

namespace taper {

Tensor max(const Tensor& x, const Axes& axes, bool keepdims) {
  check_given("max", "x", x);
  const Shape reduced = axes.reduced("max", x.shape());
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (reduced[axis] && x.shape()[axis] == 0)
      fail("max", "x has no elements along axis ", axis, ": ", x.shape());
  }
  const kernels::ReducePlan plan = kernels::plan_reduction(x.shape(), reduced, keepdims);
  const Tensor y = kernels::max("max", plan, x);
  return record("max", y, vjp(x, [x, y = y.detach(), kept = plan.kept](const Tensor& dy) {
                  // 1/c at each of the c elements that equal the maximum: piecewise constant, so it carries
                  // no derivative of its own.
                  const Tensor at_max =
                      kernels::map("max", x.detach(), y.view(kept), kernels::functions::AreEqual());
                  const Tensor share = at_max / broadcast_to(sum_to(at_max, kept), x.shape());
                  return broadcast_to(reshape(dy, kept), x.shape()) * share;
                }));
}

}  // namespace taper
