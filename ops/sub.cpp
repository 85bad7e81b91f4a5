// sub: the forward kernel and, beside it, the vector-Jacobian product. sub.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/neg.hpp>
#include <taper/ops/sub.hpp>
#include <taper/ops/sum.hpp>

namespace taper {

Tensor sub(const Tensor& a, const Tensor& b) {
  return record("sub", kernels::map("sub", a, b, [](auto x, auto y) { return x - y; }),
                vjp(a, [shape = a.shape()](const Tensor& dy) { return sum_to(dy, shape); }),
                vjp(b, [shape = b.shape()](const Tensor& dy) { return sum_to(neg(dy), shape); }));
}

}  // namespace taper
