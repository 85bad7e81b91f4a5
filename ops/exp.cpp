// exp: the forward kernel and, beside it, the vector-Jacobian product. exp.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/exp.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/kernels/functions.hpp>
#include <taper/ops/mul.hpp>

namespace taper {

Tensor exp(const Tensor& x) {
  const Tensor y = kernels::map("exp", x, kernels::functions::Exp());
  return record("exp", y, vjp(x, [y](const Tensor& dy) { return dy * y; }));
}

}  // namespace taper
