// div: the forward kernel and, beside it, the vector-Jacobian product. div.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/div.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/mul.hpp>
#include <taper/ops/neg.hpp>
#include <taper/ops/sum.hpp>

namespace taper {

Tensor div(const Tensor& a, const Tensor& b) {
  const Tensor y = kernels::map("div", a, b, [](auto x, auto z) { return x / z; });
  return record("div", y, vjp(a, [b, shape = a.shape()](const Tensor& dy) { return sum_to(dy / b, shape); }),
                vjp(b, [b, y](const Tensor& dy) { return sum_to(neg(dy * y / b), b.shape()); }));
}

}  // namespace taper
