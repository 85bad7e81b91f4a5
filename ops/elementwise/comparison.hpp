// comparison: zeros and ones, which say where two tensors compare so, element by element.
#pragma once

#include "../../core/create.hpp"

#include <utility>

namespace taper {

// The result of a comparison, a tensor like any other, but no condition of C++: `if (x < y)` would ask if
// there is a tensor, and always find one. For tensors of one element write `if ((x < y).item())`.
class Mask : public Tensor {
 public:
  explicit Mask(Tensor zeros_and_ones) : Tensor(std::move(zeros_and_ones)) {}
  explicit operator bool() const = delete;
};

// 1 where the comparison holds and 0 elsewhere, in the dtype of a and b. A NaN is unequal to everything,
// itself too, and neither less nor greater. The result is a constant: nothing is recorded, no gradient flows.
// float32 or float64, both the same; shapes broadcast as in NumPy. Throws if dtypes differ or shapes do not
// broadcast.
Mask equal(const Tensor& a, const Tensor& b);          // a = b
Mask not_equal(const Tensor& a, const Tensor& b);      // a != b
Mask less(const Tensor& a, const Tensor& b);           // a < b
Mask less_equal(const Tensor& a, const Tensor& b);     // a <= b
Mask greater(const Tensor& a, const Tensor& b);        // a > b
Mask greater_equal(const Tensor& a, const Tensor& b);  // a >= b

// b is rounded to a's dtype first.
inline Mask equal(const Tensor& a, double b) {
  return equal(a, scalar_like(b, check_given("equal", "a", a)));
}
inline Mask not_equal(const Tensor& a, double b) {
  return not_equal(a, scalar_like(b, check_given("not_equal", "a", a)));
}

inline Mask operator<(const Tensor& a, const Tensor& b) { return less(a, b); }
inline Mask operator<(const Tensor& a, double b) {
  return less(a, scalar_like(b, check_given("less", "a", a)));
}
inline Mask operator<(double a, const Tensor& b) {
  return less(scalar_like(a, check_given("less", "b", b)), b);
}
inline Mask operator<=(const Tensor& a, const Tensor& b) { return less_equal(a, b); }
inline Mask operator<=(const Tensor& a, double b) {
  return less_equal(a, scalar_like(b, check_given("less_equal", "a", a)));
}
inline Mask operator<=(double a, const Tensor& b) {
  return less_equal(scalar_like(a, check_given("less_equal", "b", b)), b);
}
inline Mask operator>(const Tensor& a, const Tensor& b) { return greater(a, b); }
inline Mask operator>(const Tensor& a, double b) {
  return greater(a, scalar_like(b, check_given("greater", "a", a)));
}
inline Mask operator>(double a, const Tensor& b) {
  return greater(scalar_like(a, check_given("greater", "b", b)), b);
}
inline Mask operator>=(const Tensor& a, const Tensor& b) { return greater_equal(a, b); }
inline Mask operator>=(const Tensor& a, double b) {
  return greater_equal(a, scalar_like(b, check_given("greater_equal", "a", a)));
}
inline Mask operator>=(double a, const Tensor& b) {
  return greater_equal(scalar_like(a, check_given("greater_equal", "b", b)), b);
}

}  // namespace taper
