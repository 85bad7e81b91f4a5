// div: the forward kernel and, beside it, the vector-Jacobian product. div.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/div.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/kernels/functions.hpp>
#include <taper/ops/mul.hpp>
#include <taper/ops/neg.hpp>
#include <taper/ops/sum.hpp>

namespace taper {

Tensor div(const Tensor& a, const Tensor& b) {
  const Tensor y = kernels::map("div", a, b, kernels::functions::Divide());
  return record("div", y, vjp(a, [b, to_a = SumTo(a, y)](const Tensor& dy) { return to_a(dy / b); }),
                vjp(b, [b, y, to_b = SumTo(b, y)](const Tensor& dy) { return neg(to_b(dy * y / b)); }));
}

}  // namespace taper
