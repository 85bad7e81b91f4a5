// var: y = sum (x - mean)^2 / (n - correction); dx = dy 2 (x - mean) / (n - correction).
// stddev: y = sqrt(var); dx = dy (x - mean) / (y (n - correction)), 0 at y = 0.
#include "var.hpp"

#include "../../core/create.hpp"
#include "../../core/fail.hpp"
#include "../../core/record.hpp"
#include "../elementwise/div.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/sub.hpp"
#include "../elementwise/where.hpp"
#include "../kernels/reduction/reduce.hpp"
#include "../layout/reshape.hpp"
#include "mean.hpp"

#include <algorithm>
#include <cmath>

namespace taper {
namespace {

struct Call {
  kernels::ReducePlan plan;
  double divisor;  // n - correction, or 0 if that is negative
};

// x minus its mean, in two steps: the second mean is what the rounding of the first has missed, which would be as large
// as the deviations themselves if these are small beside the mean.
Tensor centered(const Tensor& x, const Axes& axes) {
  const Tensor once = x - mean(x, axes, true);
  return once - mean(once, axes, true);
}

Call checked_call(const char* op, const Tensor& x, const Axes& axes, bool keepdims,
                  const VarOptions& options) {
  check_given(op, "x", x);
  const Shape reduced = axes.reduced(op, x.shape());
  if (!std::isfinite(options.correction)) fail(op, "correction must be finite, got ", options.correction);
  double count = 1;
  for (int axis = 0; axis < x.rank(); ++axis)
    count *= reduced[axis] ? static_cast<double>(x.shape()[axis]) : 1.0;
  return {kernels::plan_reduction(x.shape(), reduced, keepdims), std::max(0.0, count - options.correction)};
}

}  // namespace

Tensor var(const Tensor& x, const Axes& axes, bool keepdims, const VarOptions& options) {
  const auto [plan, divisor] = checked_call("var", x, axes, keepdims, options);
  const Tensor y = kernels::variance("var", plan, x, divisor, false);
  return record("var", y, vjp(x, [x, axes, kept = plan.kept, divisor = divisor](const Tensor& dy) {
                  const double factor = x.size() == 0 ? 0 : 2 / divisor;  // not 2 / 0 for no elements
                  return (factor * reshape(dy, kept)) * centered(x, axes);
                }));
}

Tensor stddev(const Tensor& x, const Axes& axes, bool keepdims, const VarOptions& options) {
  const auto [plan, divisor] = checked_call("stddev", x, axes, keepdims, options);
  const Tensor y = kernels::variance("stddev", plan, x, divisor, true);
  return record("stddev", y, vjp(x, [x, y, axes, kept = plan.kept, divisor = divisor](const Tensor& dy) {
                  // 1 in the place of y = 0, so that no branch of any derivative divides by 0.
                  const Tensor scale = divisor * where(y, y, scalar_like(1, y));
                  const Tensor slope = centered(x, axes) / reshape(scale, kept);
                  return reshape(where(y, dy, scalar_like(0, y)), kept) * slope;
                }));
}

}  // namespace taper
