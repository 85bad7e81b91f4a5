// expm1: dx = dy e^x.
#include "expm1.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementary.hpp"
#include "exp.hpp"
#include "mul.hpp"

namespace taper {

Tensor expm1(const Tensor& x) {
  return record("expm1", kernels::map_elementary("expm1", x, kernels::functions::Expm1()),
                vjp(x, [x](const Tensor& dy) { return dy * exp(x); }));  // y + 1 would lose e^x's last digits
}

}  // namespace taper
