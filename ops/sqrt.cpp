// sqrt: the forward kernel and, beside it, the vector-Jacobian product. sqrt.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/div.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/kernels/functions.hpp>
#include <taper/ops/mul.hpp>
#include <taper/ops/sqrt.hpp>

namespace taper {

Tensor sqrt(const Tensor& x) {
  const Tensor y = kernels::map("sqrt", x, kernels::functions::Sqrt());
  return record("sqrt", y, vjp(x, [y](const Tensor& dy) { return dy / (2.0 * y); }));
}

}  // namespace taper
