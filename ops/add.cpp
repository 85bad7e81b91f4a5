// add: the forward kernel and, beside it, the vector-Jacobian product. add.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/add.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/kernels/functions.hpp>
#include <taper/ops/sum.hpp>

namespace taper {

Tensor add(const Tensor& a, const Tensor& b) {
  const Tensor y = kernels::map("add", a, b, kernels::functions::Add());
  return record("add", y, vjp(a, [to_a = SumTo(a, y)](const Tensor& dy) { return to_a(dy); }),
                vjp(b, [to_b = SumTo(b, y)](const Tensor& dy) { return to_b(dy); }));
}

}  // namespace taper
