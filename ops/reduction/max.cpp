// max, min: dx = dy at the largest or smallest element; elements that tie share it.
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
namespace {

kernels::ReducePlan checked_plan(const char* op, const Tensor& x, const Axes& axes, bool keepdims) {
  check_given(op, "x", x);
  const Shape reduced = axes.reduced(op, x.shape());
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (reduced[axis] && x.shape()[axis] == 0)
      fail(op, "x has no elements along axis ", axis, ": ", x.shape());
  }
  return kernels::plan_reduction(x.shape(), reduced, keepdims);
}

// The way back from y to the elements of x that equal it.
auto to_equals(const char* op, const Tensor& x, const Tensor& y, const Shape& kept) {
  return [op, x, y = y.detach(), kept](const Tensor& dy) {
    // 1/c at each of the c elements that equal y: piecewise constant, so it carries no derivative of its own.
    const Tensor is_equal = kernels::map(op, x.detach(), y.view(kept), kernels::functions::AreEqual());
    const Tensor share = is_equal / broadcast_to(sum_to(is_equal, kept), x.shape());
    return broadcast_to(reshape(dy, kept), x.shape()) * share;
  };
}

}  // namespace

Tensor max(const Tensor& x, const Axes& axes, bool keepdims) {
  const kernels::ReducePlan plan = checked_plan("max", x, axes, keepdims);
  const Tensor y = kernels::max("max", plan, x);
  return record("max", y, vjp(x, to_equals("max", x, y, plan.kept)));
}

Tensor min(const Tensor& x, const Axes& axes, bool keepdims) {
  const kernels::ReducePlan plan = checked_plan("min", x, axes, keepdims);
  const Tensor y = kernels::min("min", plan, x);
  return record("min", y, vjp(x, to_equals("min", x, y, plan.kept)));
}

}  // namespace taper
