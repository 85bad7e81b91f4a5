// where: da = dy where the condition is not 0, db = dy where it is.
#include "where.hpp"

#include "../../core/create.hpp"
#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"
#include "../reduction/sum.hpp"
#include "cast.hpp"

namespace taper {

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  check_given("where", "condition", condition, "a", a, "b", b);
  kernels::common_kind("where", a, b);
  Tensor c = condition.detach();
  if (c.dtype() != a.dtype()) {  // as 0 or 1, so that no condition rounds to 0
    c = cast(kernels::map("where", c, kernels::functions::IsNotZero()), a.dtype());
  }
  const Tensor y = kernels::map("where", c, a, b, kernels::functions::Where());
  return record(
      "where", y,
      vjp(a, [c, to_a = SumTo(a, y)](const Tensor& dy) { return to_a(where(c, dy, scalar_like(0, dy))); }),
      vjp(b, [c, to_b = SumTo(b, y)](const Tensor& dy) { return to_b(where(c, scalar_like(0, dy), dy)); }));
}

}  // namespace taper
