// neg: the forward kernel and, beside it, the vector-Jacobian product. neg.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/kernels/functions.hpp>
#include <taper/ops/neg.hpp>

namespace taper {

Tensor neg(const Tensor& x) {
  return record("neg", kernels::map("neg", x, kernels::functions::Negate()),
                vjp(x, [](const Tensor& dy) { return neg(dy); }));
}

}  // namespace taper
