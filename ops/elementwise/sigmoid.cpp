// sigmoid: dx = dy y (1 - y).
#include "sigmoid.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"
#include "mul.hpp"
#include "sub.hpp"

namespace taper {

Tensor sigmoid(const Tensor& x) {
  const Tensor y = kernels::map("sigmoid", x, kernels::functions::Sigmoid());
  return record("sigmoid", y, vjp(x, [y](const Tensor& dy) { return dy * (y * (1.0 - y)); }));
}

}  // namespace taper
