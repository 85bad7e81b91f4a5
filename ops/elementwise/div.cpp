// div: y = a / b; da = dy / b, db = -dy y / b.
#include "div.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"
#include "../kernels/elementwise/in_place.hpp"
#include "../reduction/sum.hpp"
#include "mul.hpp"
#include "neg.hpp"

namespace taper {
namespace {

// c a / b^k for y = a / b, recorded as an op of its own: a = 0 meets no power of b that has overflowed.
Tensor over_power(const Tensor& c, const Tensor& a, const Tensor& b, const Tensor& y, int k) {
  using kernels::functions::Divide, kernels::functions::Multiply;
  Tensor z = kernels::map("div", c, y, Multiply());
  for (int i = 1; i < k; ++i) z = kernels::map("div", z, b, Divide());
  return record(
      "div", z,
      vjp(c, [=, to_c = SumTo(c, z)](const Tensor& dz) { return to_c(over_power(dz, a, b, y, k)); }),
      vjp(a,
          [=, to_a = SumTo(a, z)](const Tensor& dz) {
            return to_a(over_power(c, dz, b, kernels::map("div", dz, b, Divide()), k));
          }),
      vjp(b, [=, to_b = SumTo(b, z)](const Tensor& dz) {
        return -static_cast<double>(k) * to_b(over_power(dz * c, a, b, y, k + 1));
      }));
}

}  // namespace

Tensor div(const Tensor& a, const Tensor& b) {
  const Tensor y = kernels::map("div", a, b, kernels::functions::Divide());
  return record("div", y, vjp(a, [b, to_a = SumTo(a, y)](const Tensor& dy) { return to_a(dy / b); }),
                vjp(b, [a, b, y, to_b = SumTo(b, y)](const Tensor& dy) {
                  return neg(to_b(over_power(dy, a, b, y, 2)));
                }));
}

Tensor& operator/=(Tensor& a, const Tensor& b) {
  kernels::map_in_place("/=", a, b, kernels::functions::Divide());
  return a;
}

}  // namespace taper
