// add: da = dy, db = dy.
#include "add.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"
#include "../kernels/elementwise/in_place.hpp"
#include "../reduction/sum.hpp"

namespace taper {

Tensor add(const Tensor& a, const Tensor& b) {
  const Tensor y = kernels::map("add", a, b, kernels::functions::Add());
  return record("add", y, vjp(a, [to_a = SumTo(a, y)](const Tensor& dy) { return to_a(dy); }),
                vjp(b, [to_b = SumTo(b, y)](const Tensor& dy) { return to_b(dy); }));
}

Tensor& operator+=(Tensor& a, const Tensor& b) {
  kernels::map_in_place("+=", a, b, kernels::functions::Add());
  return a;
}

}  // namespace taper
