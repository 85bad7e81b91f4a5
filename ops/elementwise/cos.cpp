// cos: dx = -dy sin x.
#include "cos.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"
#include "mul.hpp"
#include "neg.hpp"
#include "sin.hpp"

namespace taper {

Tensor cos(const Tensor& x) {
  return record("cos", kernels::map("cos", x, kernels::functions::Cos()),
                vjp(x, [x](const Tensor& dy) { return neg(dy * sin(x)); }));
}

}  // namespace taper
