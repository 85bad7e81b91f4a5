// prod: y = x_1 x_2 … x_n; dx_i = dy times the product of the other factors.
#include "prod.hpp"

#include "../../core/create.hpp"
#include "../../core/record.hpp"
#include "../elementwise/mul.hpp"
#include "../kernels/reduction/reduce.hpp"
#include "../layout/concat.hpp"
#include "../layout/reshape.hpp"
#include "../layout/slice.hpp"

namespace taper {
namespace {

// For each element along the axis the product of the others, in some 2 n multiplications and no division.
// Elements are paired, the first half with the second. What a pair lacks are the other pairs, and a member of
// it lacks its partner besides.
Tensor others(const Tensor& x, int axis) {
  const std::int64_t n = x.extent(axis), half = n / 2;
  if (n < 2) return ones(x.shape(), x.kind());
  const Tensor first = slice(x, axis, 0, half), second = slice(x, axis, half, 2 * half);
  Tensor pairs = first * second;
  if (n % 2 == 0) {
    const Tensor rest = others(pairs, axis);
    return concat({rest * second, rest * first}, axis);
  }
  const Tensor rest = others(concat({pairs, slice(x, axis, n - 1, n)}, axis), axis);
  const Tensor of_pairs = slice(rest, axis, 0, half);
  return concat({of_pairs * second, of_pairs * first, slice(rest, axis, half, half + 1)}, axis);
}

// Along one axis, which stays as 1.
Tensor along(const Tensor& x, int axis) {
  Shape reduced = Shape::filled(x.rank(), 0);
  reduced[axis] = 1;
  const Tensor y = kernels::prod("prod", kernels::plan_reduction(x.shape(), reduced, true), x);
  return record("prod", y, vjp(x, [x, axis](const Tensor& dy) { return dy * others(x, axis); }));
}

}  // namespace

Tensor prod(const Tensor& x, const Axes& axes, bool keepdims) {
  check_given("prod", "x", x);
  const Shape reduced = axes.reduced("prod", x.shape());
  Tensor y = x;
  for (int axis = x.rank() - 1; axis >= 0; --axis) {
    if (reduced[axis]) y = along(y, axis);
  }
  return reshape(y, kernels::plan_reduction(x.shape(), reduced, keepdims).result);
}

}  // namespace taper
