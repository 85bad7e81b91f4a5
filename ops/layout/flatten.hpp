// flatten: neighbouring axes made one.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y has one axis in place of first_axis, …, last_axis: all of x's by default. flatten(x, 1) turns (n, c, h,
// w) into (n, c h w). Rank 0 becomes (1,), as in PyTorch. Nothing is copied. dx = dy under x's shape. Throws
// if an axis is out of range or the last lies before the first.
Tensor flatten(const Tensor& x, int first_axis = 0, int last_axis = -1);

}  // namespace taper
