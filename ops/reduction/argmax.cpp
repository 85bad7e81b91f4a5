// argmax, argmin: indices, without a derivative.
#include "argmax.hpp"

#include "../../core/fail.hpp"
#include "../kernels/reduction/order.hpp"
#include "../kernels/reduction/reduce.hpp"

namespace taper {
namespace {

Indices along(const char* op, bool smallest, const Tensor& x, int axis, bool keepdims) {
  check_given(op, "x", x);
  const int a = checked_axis(op, "axis", axis, x.shape());
  if (x.extent(a) == 0) fail(op, "x has no elements along axis ", axis, ": ", x.shape());
  Shape reduced = Shape::filled(x.rank(), 0);
  reduced[a] = 1;
  return {kernels::find_extremes(op, smallest, {x.shape(), a}, x),
          kernels::plan_reduction(x.shape(), reduced, keepdims).result};
}

Indices of_all(const char* op, bool smallest, const Tensor& x) {
  check_given(op, "x", x);
  if (x.size() == 0) fail(op, "x has no elements: ", x.shape());
  const Shape flat{x.size()};
  return {kernels::find_extremes(op, smallest, {flat, 0}, x.view(flat)), {}};
}

}  // namespace

Indices argmax(const Tensor& x, int axis, bool keepdims) { return along("argmax", false, x, axis, keepdims); }
Indices argmax(const Tensor& x) { return of_all("argmax", false, x); }
Indices argmin(const Tensor& x, int axis, bool keepdims) { return along("argmin", true, x, axis, keepdims); }
Indices argmin(const Tensor& x) { return of_all("argmin", true, x); }

}  // namespace taper
