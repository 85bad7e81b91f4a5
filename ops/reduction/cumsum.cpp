// cumsum: y_i = x_0 + … + x_i; dx_i = dy_i + … + dy_(n-1).
#include "cumsum.hpp"

#include "../../core/record.hpp"
#include "../kernels/reduction/cumsum.hpp"

namespace taper {
namespace {

// The adjoint: running sums from the end.
Tensor cumsum_vjp(const Tensor& dy, int axis) {
  return record("cumsum_vjp", kernels::cumsum("cumsum_vjp", {dy.shape(), axis}, true, dy),
                vjp(dy, [axis](const Tensor& ddx) { return cumsum(ddx, axis); }));
}

}  // namespace

Tensor cumsum(const Tensor& x, int axis) {
  check_given("cumsum", "x", x);
  const int a = checked_axis("cumsum", "axis", axis, x.shape());
  return record("cumsum", kernels::cumsum("cumsum", {x.shape(), a}, false, x),
                vjp(x, [a](const Tensor& dy) { return cumsum_vjp(dy, a); }));
}

}  // namespace taper
