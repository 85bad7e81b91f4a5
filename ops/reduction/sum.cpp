// sum: dx = dy, repeated along the axes.
#include "sum.hpp"

#include "../../core/fail.hpp"
#include "../../core/record.hpp"
#include "../kernels/reduction/reduce.hpp"
#include "../layout/broadcast_to.hpp"
#include "../layout/reshape.hpp"

namespace taper {

Tensor sum(const Tensor& x, const Axes& axes, bool keepdims) {
  check_given("sum", "x", x);
  const kernels::ReducePlan plan =
      kernels::plan_reduction(x.shape(), axes.reduced("sum", x.shape()), keepdims);
  return record("sum", kernels::sum("sum", plan, x),
                vjp(x, [from = x.shape(), kept = plan.kept](const Tensor& dy) {
                  return broadcast_to(reshape(dy, kept), from);
                }));
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  check_given("sum_to", "x", x);
  if (x.shape() == shape) return x;
  if (!broadcasts_to(shape, x.shape())) {
    fail("sum_to", "shape ", shape, " does not broadcast to x's, ", x.shape());
  }
  const int missing = x.rank() - shape.size();
  Shape axes = Shape::filled(x.rank(), 0);
  int count = 0;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (axis < missing || shape[axis - missing] != x.shape()[axis]) axes[count++] = axis;
  }
  return reshape(sum(x, Axes(Shape(axes.data(), count))), shape);
}

}  // namespace taper
