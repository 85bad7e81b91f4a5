// minimum: da = dy where a < b, dy / 2 where a = b; db likewise.
#include "minimum.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"
#include "../reduction/sum.hpp"
#include "mul.hpp"

namespace taper {

namespace {
// a's share: what it would have of the maximum if the two changed places.
Tensor weight_in_minimum(const Tensor& a, const Tensor& b) {
  return kernels::map("minimum", b, a, kernels::functions::MaximumWeight());
}
}  // namespace

Tensor minimum(const Tensor& a, const Tensor& b) {
  const Tensor y = kernels::map("minimum", a, b, kernels::functions::Minimum());
  return record(
      "minimum", y,
      vjp(a, [a, b, to_a = SumTo(a, y)](const Tensor& dy) { return to_a(dy * weight_in_minimum(a, b)); }),
      vjp(b, [a, b, to_b = SumTo(b, y)](const Tensor& dy) { return to_b(dy * weight_in_minimum(b, a)); }));
}

}  // namespace taper
