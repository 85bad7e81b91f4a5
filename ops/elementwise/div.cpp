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

Tensor div(const Tensor& a, const Tensor& b) {
  const Tensor y = kernels::map("div", a, b, kernels::functions::Divide());
  return record("div", y, vjp(a, [b, to_a = SumTo(a, y)](const Tensor& dy) { return to_a(dy / b); }),
                vjp(b, [b, y, to_b = SumTo(b, y)](const Tensor& dy) { return neg(to_b(dy * y / b)); }));
}

Tensor& operator/=(Tensor& a, const Tensor& b) {
  kernels::map_in_place("/=", a, b, kernels::functions::Divide());
  return a;
}

}  // namespace taper
