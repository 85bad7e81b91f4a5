// mean: dx = dy / n, repeated along the axes.
#include "mean.hpp"

#include "../elementwise/add.hpp"
#include "../elementwise/div.hpp"
#include "sum.hpp"

#include <limits>

namespace taper {

Tensor mean(const Tensor& x, const Axes& axes, bool keepdims) {
  check_given("mean", "x", x);
  const Shape reduced = axes.reduced("mean", x.shape());
  double count = 1;
  for (int axis = 0; axis < x.rank(); ++axis)
    count *= reduced[axis] ? static_cast<double>(x.shape()[axis]) : 1.0;
  const Tensor total = sum(x, axes, keepdims);
  // 0 / 0 for the value, but without a factor 1 / 0 in any derivative.
  if (count == 0) return total + std::numeric_limits<double>::quiet_NaN();
  return total / count;
}

}  // namespace taper
