// pad: y = x with a number around it; dx = the part of dy that x takes.
#include "pad.hpp"

#include "../../core/create.hpp"
#include "../../core/fail.hpp"
#include "../../core/record.hpp"
#include "../kernels/layout/copy_strided.hpp"

#include <utility>

namespace taper {
namespace {

// The elements of a tensor of shape `inside`, and their places in the padded one.
kernels::StridedCopy plan(const Shape& inside, const std::vector<Padding>& paddings, const Shape& padded) {
  kernels::StridedCopy copy{inside, {0, kernels::strides_of(inside)}, {0, kernels::strides_of(padded)}};
  for (int axis = 0; axis < inside.size(); ++axis)
    copy.to.offset += paddings[static_cast<std::size_t>(axis)].before * copy.to.strides[axis];
  return copy;
}

// The adjoint of pad: the part of y that lies inside of the padding.
Tensor crop(const Tensor& y, const std::vector<Padding>& paddings, const Shape& inside) {
  kernels::StridedCopy copy = plan(inside, paddings, y.shape());
  std::swap(copy.from, copy.to);
  Tensor x = Tensor::uninitialized("pad_vjp", inside, y.kind());
  kernels::copy_strided(copy, y, x);
  return record("pad_vjp", x, vjp(y, [paddings](const Tensor& dx) { return pad(dx, paddings); }));
}

}  // namespace

Tensor pad(const Tensor& x, const std::vector<Padding>& paddings, double value) {
  check_given("pad", "x", x);
  if (static_cast<int>(paddings.size()) != x.rank()) {
    fail("pad", "paddings must have one entry for each axis of x: got ", paddings.size(), " for shape ",
         x.shape());
  }
  Shape shape = x.shape();
  for (int axis = 0; axis < x.rank(); ++axis) {
    const auto [before, after] = paddings[static_cast<std::size_t>(axis)];
    if (before < 0 || after < 0) {
      fail("pad", "paddings must not be negative: got {", before, ", ", after, "} for axis ", axis,
           " of shape ", x.shape(), "; slice() cuts elements off");
    }
    if (__builtin_add_overflow(shape[axis], before, &shape[axis]) ||
        __builtin_add_overflow(shape[axis], after, &shape[axis])) {
      fail("pad", "paddings {", before, ", ", after, "} are too large for axis ", axis, " of shape ",
           x.shape());
    }
  }
  Tensor y = full(shape, value, x.kind());
  kernels::copy_strided(plan(x.shape(), paddings, shape), x, y);
  return record("pad", y, vjp(x, [paddings, inside = x.shape()](const Tensor& dy) {
                  return crop(dy, paddings, inside);
                }));
}

}  // namespace taper
