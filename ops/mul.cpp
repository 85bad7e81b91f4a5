// mul: the forward kernel and, beside it, the vector-Jacobian product. mul.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/kernels/functions.hpp>
#include <taper/ops/mul.hpp>
#include <taper/ops/sum.hpp>

namespace taper {

Tensor mul(const Tensor& a, const Tensor& b) {
  const Tensor y = kernels::map("mul", a, b, kernels::functions::Multiply());
  return record("mul", y, vjp(a, [b, to_a = SumTo(a, y)](const Tensor& dy) { return to_a(dy * b); }),
                vjp(b, [a, to_b = SumTo(b, y)](const Tensor& dy) { return to_b(dy * a); }));
}

}  // namespace taper
