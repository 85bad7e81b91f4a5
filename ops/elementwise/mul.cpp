// mul: da = dy b, db = dy a.
#include "mul.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"
#include "../kernels/elementwise/in_place.hpp"
#include "../reduction/sum.hpp"

namespace taper {

Tensor mul(const Tensor& a, const Tensor& b) {
  const Tensor y = kernels::map("mul", a, b, kernels::functions::Multiply());
  return record("mul", y, vjp(a, [b, to_a = SumTo(a, y)](const Tensor& dy) { return to_a(dy * b); }),
                vjp(b, [a, to_b = SumTo(b, y)](const Tensor& dy) { return to_b(dy * a); }));
}

Tensor& operator*=(Tensor& a, const Tensor& b) {
  kernels::map_in_place("*=", a, b, kernels::functions::Multiply());
  return a;
}

}  // namespace taper
