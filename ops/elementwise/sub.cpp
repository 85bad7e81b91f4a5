// sub: da = dy, db = -dy.
#include "sub.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"
#include "../kernels/elementwise/in_place.hpp"
#include "../reduction/sum.hpp"
#include "neg.hpp"

namespace taper {

Tensor sub(const Tensor& a, const Tensor& b) {
  const Tensor y = kernels::map("sub", a, b, kernels::functions::Subtract());
  return record("sub", y, vjp(a, [to_a = SumTo(a, y)](const Tensor& dy) { return to_a(dy); }),
                vjp(b, [to_b = SumTo(b, y)](const Tensor& dy) { return neg(to_b(dy)); }));
}

Tensor& operator-=(Tensor& a, const Tensor& b) {
  kernels::map_in_place("-=", a, b, kernels::functions::Subtract());
  return a;
}

}  // namespace taper
