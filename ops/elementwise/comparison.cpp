// comparison: 1 where it holds, 0 elsewhere; constants, without a derivative.
#include "comparison.hpp"

#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"

namespace taper {

Mask equal(const Tensor& a, const Tensor& b) {
  return Mask(kernels::map("equal", a, b, kernels::functions::AreEqual()));
}
Mask not_equal(const Tensor& a, const Tensor& b) {
  return Mask(kernels::map("not_equal", a, b, kernels::functions::AreUnequal()));
}
Mask less(const Tensor& a, const Tensor& b) {
  return Mask(kernels::map("less", a, b, kernels::functions::Less()));
}
Mask less_equal(const Tensor& a, const Tensor& b) {
  return Mask(kernels::map("less_equal", a, b, kernels::functions::LessEqual()));
}
Mask greater(const Tensor& a, const Tensor& b) {
  return Mask(kernels::map("greater", a, b, kernels::functions::Greater()));
}
Mask greater_equal(const Tensor& a, const Tensor& b) {
  return Mask(kernels::map("greater_equal", a, b, kernels::functions::GreaterEqual()));
}

}  // namespace taper
