// tanh: dx = dy (1 - y^2).
#include "tanh.hpp"

#include "../../core/record.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/square.hpp"
#include "../elementwise/sub.hpp"
#include "../kernels/elementwise/elementary.hpp"

namespace taper {

Tensor tanh(const Tensor& x) {
  const Tensor y = kernels::map_elementary("tanh", x, kernels::functions::Tanh());
  return record("tanh", y, vjp(x, [y](const Tensor& dy) { return dy * (1.0 - square(y)); }));
}

}  // namespace taper
