// clamp: dx = dy where low <= x <= high, 0 elsewhere.
#include "clamp.hpp"

#include "../../core/create.hpp"
#include "../../core/fail.hpp"
#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"
#include "where.hpp"

namespace taper {

Tensor clamp(const Tensor& x, double low, double high) {
  check_given("clamp", "x", x);
  if (!(low <= high)) fail("clamp", "low must be at most high, got low = ", low, ", high = ", high);
  const Tensor from = scalar_like(low, x), to = scalar_like(high, x);
  const Tensor y = kernels::map("clamp", x, from, to, kernels::functions::Clamp());
  return record("clamp", y, vjp(x, [x, from, to](const Tensor& dy) {
                  const Tensor inside = kernels::map("clamp", x, from, to, kernels::functions::IsWithin());
                  return where(inside, dy, scalar_like(0, dy));
                }));
}

}  // namespace taper
