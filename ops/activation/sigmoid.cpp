// sigmoid: dx = dy y (1 - y).
#include "sigmoid.hpp"

#include "../../core/record.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/sub.hpp"
#include "../kernels/elementwise/elementary.hpp"

namespace taper {

Tensor sigmoid(const Tensor& x) {
  const Tensor y = kernels::map_elementary("sigmoid", x, kernels::functions::Sigmoid());
  return record("sigmoid", y, vjp(x, [y](const Tensor& dy) { return dy * (y * (1.0 - y)); }));
}

}  // namespace taper
