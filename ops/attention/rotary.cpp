// rotary: pairs of elements turned by angles that grow with the position; dx is dy turned back.
#include "rotary.hpp"

#include "../../core/fail.hpp"
#include "../../core/record.hpp"
#include "../kernels/attention/rotate.hpp"

#include <cmath>

namespace taper {
namespace {

Tensor turned(const Tensor& x, const Tensor& table, int direction) {
  return record("rotary", kernels::rotate("rotary", x, table, direction),
                vjp(x, [table, direction](const Tensor& dy) { return turned(dy, table, -direction); }));
}

}  // namespace

Tensor rotary(const Tensor& x, std::int64_t first_position, double base) {
  check_given("rotary", "x", x);
  if (x.rank() < 2) fail("rotary", "x must be (…, positions, width), got shape ", x.shape());
  if (x.extent(-1) % 2 != 0) fail("rotary", "x must have an even last extent, got shape ", x.shape());
  if (!(base > 0) || !std::isfinite(base)) fail("rotary", "base must be positive and finite, got ", base);
  return turned(x, kernels::rotary_table("rotary", x, first_position, base), 1);
}

}  // namespace taper
