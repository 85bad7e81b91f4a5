// where: the forward kernel and, beside it, the vector-Jacobian product. where.hpp gives the formulas.
#include <taper/core/create.hpp>
#include <taper/core/record.hpp>
#include <taper/ops/cast.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/sum.hpp>
#include <taper/ops/where.hpp>

namespace taper {

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  kernels::common_dtype("where", a, b);
  const Tensor c = condition.dtype() == a.dtype() ? condition : cast(condition.detach(), a.dtype());
  return record("where",
                kernels::map("where", c, a, b, [](auto t, auto x, auto y) { return t != 0 ? x : y; }),
                vjp(a, [c, shape = a.shape()](
                           const Tensor& dy) { return sum_to(where(c, dy, scalar_like(0, dy)), shape); }),
                vjp(b, [c, shape = b.shape()](const Tensor& dy) {
                  return sum_to(where(c, scalar_like(0, dy), dy), shape);
                }));
}

}  // namespace taper
