// permute: y's axis i is x's axis axes[i]; dx = dy in the order that undoes it.
#include "permute.hpp"

#include "../../core/fail.hpp"
#include "../../core/record.hpp"
#include "../kernels/layout/permute.hpp"

namespace taper {

Tensor permute(const Tensor& x, const Shape& axes) {
  check_given("permute", "x", x);
  const int rank = x.rank();
  if (axes.size() != rank)
    fail("permute", "axes must name each axis of x once: x is ", x.shape(), ", axes are ", axes);
  Shape order = axes, inverse = Shape::filled(rank, -1);
  for (int i = 0; i < rank; ++i) {
    const int axis = checked_axis("permute", "axes", axes[i], x.shape());
    if (inverse[axis] >= 0)
      fail("permute", "axes name axis ", axes[i], " of shape ", x.shape(), " twice: ", axes);
    order[i] = axis;
    inverse[axis] = i;
  }
  return record("permute", kernels::permute("permute", x, order),
                vjp(x, [inverse](const Tensor& dy) { return permute(dy, inverse); }));
}

}  // namespace taper
