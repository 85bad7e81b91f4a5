// sub: the forward kernel and, beside it, the vector-Jacobian product. sub.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/kernels/functions.hpp>
#include <taper/ops/neg.hpp>
#include <taper/ops/sub.hpp>
#include <taper/ops/sum.hpp>

namespace taper {

Tensor sub(const Tensor& a, const Tensor& b) {
  const Tensor y = kernels::map("sub", a, b, kernels::functions::Subtract());
  return record("sub", y, vjp(a, [to_a = SumTo(a, y)](const Tensor& dy) { return to_a(dy); }),
                vjp(b, [to_b = SumTo(b, y)](const Tensor& dy) { return neg(to_b(dy)); }));
}

}  // namespace taper
