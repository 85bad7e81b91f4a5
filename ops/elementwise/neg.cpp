// neg: dx = -dy.
#include "neg.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"

namespace taper {

Tensor neg(const Tensor& x) {
  return record("neg", kernels::map("neg", x, kernels::functions::Negate()),
                vjp(x, [](const Tensor& dy) { return neg(dy); }));
}

}  // namespace taper
