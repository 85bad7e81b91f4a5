// sqrt: dx = dy / (2 y).
#include "sqrt.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"
#include "div.hpp"
#include "mul.hpp"

namespace taper {

Tensor sqrt(const Tensor& x) {
  const Tensor y = kernels::map("sqrt", x, kernels::functions::Sqrt());
  return record("sqrt", y, vjp(x, [y](const Tensor& dy) { return dy / (2.0 * y); }));
}

}  // namespace taper
