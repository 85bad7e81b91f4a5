// mean: dx = dy / n, repeated along the axes.
#include "mean.hpp"

#include "../elementwise/div.hpp"
#include "sum.hpp"

namespace taper {

Tensor mean(const Tensor& x, const Axes& axes, bool keepdims) {
  check_given("mean", "x", x);
  const Shape reduced = axes.reduced("mean", x.shape());
  double count = 1;
  for (int axis = 0; axis < x.rank(); ++axis)
    count *= reduced[axis] ? static_cast<double>(x.shape()[axis]) : 1.0;
  return sum(x, axes, keepdims) / count;
}

}  // namespace taper
