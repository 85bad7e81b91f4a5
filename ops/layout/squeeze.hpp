// squeeze and unsqueeze: axes of extent 1, taken away and put in.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// x without its axes of extent 1: all of them, or those given. Nothing is copied. dx = dy under x's shape.
// Throws if an axis is out of range, named twice, or of another extent (as NumPy's squeeze; PyTorch leaves
// such an axis).
Tensor squeeze(const Tensor& x);
Tensor squeeze(const Tensor& x, const Axes& axes);

// x with a further axis of extent 1, which is axis `axis` of the result: unsqueeze of (a, b) gives (1, a, b),
// (a, 1, b) or, for axis 2 or -1, (a, b, 1). Nothing is copied. dx = dy under x's shape. Throws if the axis
// is out of range.
Tensor unsqueeze(const Tensor& x, int axis);

namespace internal {
// `axis` as an axis of a result with one axis more than `shape`. Throws, for op, if there is no such axis.
int checked_new_axis(const char* op, int axis, const Shape& shape);
}  // namespace internal

}  // namespace taper
