// squeeze, unsqueeze: dx = dy under x's shape.
#include "squeeze.hpp"

#include "../../core/fail.hpp"
#include "reshape.hpp"

namespace taper {
namespace {

// x without the marked axes.
Tensor without(const Tensor& x, const Shape& marks) {
  Shape shape = x.shape();
  int rank = 0;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (!marks[axis]) shape[rank++] = x.shape()[axis];
  }
  return reshape(x, Shape(shape.data(), rank));
}

}  // namespace

Tensor squeeze(const Tensor& x) {
  check_given("squeeze", "x", x);
  Shape marks = x.shape();
  for (std::int64_t& mark : marks) mark = mark == 1;
  return without(x, marks);
}

Tensor squeeze(const Tensor& x, const Axes& axes) {
  check_given("squeeze", "x", x);
  const Shape marks = axes.reduced("squeeze", x.shape());
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (marks[axis] && x.shape()[axis] != 1) {
      fail("squeeze", "axes name axis ", axis, " of shape ", x.shape(), ", which has extent ",
           x.shape()[axis], ": wanted 1");
    }
  }
  return without(x, marks);
}

int internal::checked_new_axis(const char* op, int axis, const Shape& shape) {
  const int rank = shape.size() + 1;
  if (axis < -rank || axis >= rank) {
    fail(op, "axis is out of range: got ", axis, " for a result of rank ", rank, ", one more than shape ",
         shape, " has");
  }
  return axis < 0 ? axis + rank : axis;
}

Tensor unsqueeze(const Tensor& x, int axis) {
  check_given("unsqueeze", "x", x);
  Shape shape = Shape::filled(x.rank() + 1, 1);
  const int added = internal::checked_new_axis("unsqueeze", axis, x.shape());
  for (int i = 0; i < x.rank(); ++i) shape[i < added ? i : i + 1] = x.shape()[i];
  return reshape(x, shape);
}

}  // namespace taper
