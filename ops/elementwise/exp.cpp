// exp: dx = dy y.
#include "exp.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"
#include "mul.hpp"

namespace taper {

Tensor exp(const Tensor& x) {
  const Tensor y = kernels::map("exp", x, kernels::functions::Exp());
  return record("exp", y, vjp(x, [y](const Tensor& dy) { return dy * y; }));
}

}  // namespace taper
