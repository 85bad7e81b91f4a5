// mul: the forward kernel and, beside it, the vector-Jacobian product. mul.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/mul.hpp>
#include <taper/ops/sum.hpp>

namespace taper {

Tensor mul(const Tensor& a, const Tensor& b) {
  return record("mul", kernels::map("mul", a, b, [](auto x, auto y) { return x * y; }),
                vjp(a, [b, shape = a.shape()](const Tensor& dy) { return sum_to(dy * b, shape); }),
                vjp(b, [a, shape = b.shape()](const Tensor& dy) { return sum_to(dy * a, shape); }));
}

}  // namespace taper
