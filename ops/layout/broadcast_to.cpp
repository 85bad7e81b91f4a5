// broadcast_to: dx = dy summed over the axes that were repeated.
#include "broadcast_to.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../reduction/sum.hpp"

namespace taper {

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  check_given("broadcast_to", "x", x);
  if (x.shape() == shape) return x;
  return record("broadcast_to", kernels::broadcast("broadcast_to", x, shape),
                vjp(x, [from = x.shape()](const Tensor& dy) { return sum_to(dy, from); }));
}

}  // namespace taper
