// maximum: da = dy where a > b, dy / 2 where a = b; db likewise.
#include "maximum.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"
#include "../reduction/sum.hpp"
#include "mul.hpp"

namespace taper {

namespace {
Tensor weight_in_maximum(const Tensor& a, const Tensor& b) {
  return kernels::map("maximum", a, b, kernels::functions::MaximumWeight());
}
}  // namespace

Tensor maximum(const Tensor& a, const Tensor& b) {
  const Tensor y = kernels::map("maximum", a, b, kernels::functions::Maximum());
  return record(
      "maximum", y,
      vjp(a, [a, b, to_a = SumTo(a, y)](const Tensor& dy) { return to_a(dy * weight_in_maximum(a, b)); }),
      vjp(b, [a, b, to_b = SumTo(b, y)](const Tensor& dy) { return to_b(dy * weight_in_maximum(b, a)); }));
}

}  // namespace taper
