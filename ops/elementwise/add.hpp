// add: the sum of two tensors, element by element.
#pragma once

#include "../../core/create.hpp"

namespace taper {

// y = a + b. da = dy, db = dy, each summed over the axes it was broadcast along. float32 or float64, both the
// same; shapes broadcast as in NumPy. Throws if dtypes differ or shapes do not broadcast.
Tensor add(const Tensor& a, const Tensor& b);
inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator+(const Tensor& a, double b) {
  return add(a, scalar_like(b, check_given("add", "a", a)));
}
inline Tensor operator+(double a, const Tensor& b) {
  return add(scalar_like(a, check_given("add", "b", b)), b);
}

// a = a + b in place, with b broadcast to a's shape: every handle that shares a's elements sees it. Not an
// op: throws if a or b needs a gradient while a tape records, and as add does.
Tensor& operator+=(Tensor& a, const Tensor& b);
inline Tensor& operator+=(Tensor& a, double b) { return a += scalar_like(b, check_given("+=", "a", a)); }

}  // namespace taper
