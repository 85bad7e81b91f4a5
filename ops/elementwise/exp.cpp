// exp: dx = dy y.
#include "exp.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementary.hpp"
#include "mul.hpp"

namespace taper {

Tensor exp(const Tensor& x) {
  const Tensor y = kernels::map_elementary("exp", x, kernels::functions::Exp());
  return record("exp", y, vjp(x, [y](const Tensor& dy) { return dy * y; }));
}

}  // namespace taper
