// transpose: dx = dy with the same two axes swapped.
#include "transpose.hpp"

#include "../../core/record.hpp"
#include "../kernels/layout/swap_axes.hpp"

#include <utility>

namespace taper {

Tensor transpose(const Tensor& x, int axis0, int axis1) {
  check_given("transpose", "x", x);
  int a = checked_axis("transpose", "axis0", axis0, x.shape());
  int b = checked_axis("transpose", "axis1", axis1, x.shape());
  if (a > b) std::swap(a, b);
  Shape shape = x.shape();
  std::swap(shape[a], shape[b]);
  kernels::SwapExtents e{.rows = a == b ? 1 : x.shape()[a], .columns = x.shape()[b]};
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (axis != a && axis != b) (axis < a ? e.outer : axis < b ? e.middle : e.inner) *= x.shape()[axis];
  }
  return record("transpose", kernels::swap_axes("transpose", e, x, shape),
                vjp(x, [a, b](const Tensor& dy) { return transpose(dy, a, b); }));
}

}  // namespace taper
