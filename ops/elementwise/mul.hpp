// mul: the product of two tensors, element by element.
#pragma once

#include "../../core/create.hpp"

namespace taper {

// y = a b. da = dy b, db = dy a, each summed over the axes it was broadcast along. float32 or float64, both
// the same; shapes broadcast as in NumPy. Throws if dtypes differ or shapes do not broadcast.
Tensor mul(const Tensor& a, const Tensor& b);
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator*(const Tensor& a, double b) {
  return mul(a, scalar_like(b, check_given("mul", "a", a)));
}
inline Tensor operator*(double a, const Tensor& b) {
  return mul(scalar_like(a, check_given("mul", "b", b)), b);
}

// a = a b in place, with b broadcast to a's shape: every handle that shares a's elements sees it. Not an op:
// throws if a or b needs a gradient while a tape records, and as mul does.
Tensor& operator*=(Tensor& a, const Tensor& b);
inline Tensor& operator*=(Tensor& a, double b) { return a *= scalar_like(b, check_given("*=", "a", a)); }

}  // namespace taper
