// flip: y[i] = x[n - 1 - i]; dx = dy flipped along the same axes.
#include "flip.hpp"

#include "../../core/record.hpp"
#include "../kernels/layout/copy_strided.hpp"

namespace taper {

Tensor flip(const Tensor& x, const Axes& axes) {
  check_given("flip", "x", x);
  const Shape flipped = axes.reduced("flip", x.shape());
  const Shape strides = kernels::strides_of(x.shape());
  kernels::StridedCopy copy{x.shape(), {0, strides}, {0, strides}};
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (!flipped[axis]) continue;
    copy.from.offset += (x.shape()[axis] - 1) * strides[axis];
    copy.from.strides[axis] = -strides[axis];
  }
  Tensor y = Tensor::uninitialized("flip", x.shape(), x.kind());
  kernels::copy_strided(copy, x, y);
  return record("flip", y, vjp(x, [axes](const Tensor& dy) { return flip(dy, axes); }));
}

}  // namespace taper
