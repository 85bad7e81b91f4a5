// flip: the order along axes reversed.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y[…, i, …] = x[…, n - 1 - i, …] along each of `axes` (all by default), whose extent is n. The elements are
// copied. dx = dy flipped along the same axes. Throws if an axis is out of range or named twice.
Tensor flip(const Tensor& x, const Axes& axes = {});

}  // namespace taper
