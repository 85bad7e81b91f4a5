// reshape: dx = dy under x's shape.
#include "reshape.hpp"

#include "../../core/fail.hpp"
#include "../../core/record.hpp"

namespace taper {
namespace {

// `shape` with its -1, if any, replaced.
Shape resolve(const Tensor& x, const Shape& shape) {
  Shape resolved = shape;
  int open = -1;
  for (int axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] != -1) continue;
    if (open >= 0) fail("reshape", "shape has more than one -1: ", shape);
    open = axis;
    resolved[axis] = 1;
  }
  const std::int64_t rest = element_count("reshape", resolved);
  if (open >= 0) {
    if (rest == 0) fail("reshape", "shape's -1 can't be determined: x is ", x.shape(), ", shape is ", shape);
    resolved[open] = x.size() / rest;
  }
  if (element_count("reshape", resolved) != x.size()) {
    fail("reshape", "shape has another number of elements than x: x is ", x.shape(), ", shape is ", shape);
  }
  return resolved;
}

}  // namespace

Tensor reshape(const Tensor& x, const Shape& shape) {
  check_given("reshape", "x", x);
  return record("reshape", x.view(resolve(x, shape)),
                vjp(x, [from = x.shape()](const Tensor& dy) { return reshape(dy, from); }));
}

}  // namespace taper
