// cos: dx = -dy sin x.
#include "cos.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementary.hpp"
#include "mul.hpp"
#include "neg.hpp"
#include "sin.hpp"

namespace taper {

Tensor cos(const Tensor& x) {
  return record("cos", kernels::map_elementary("cos", x, kernels::functions::Cos()),
                vjp(x, [x](const Tensor& dy) { return neg(dy * sin(x)); }));
}

}  // namespace taper
