// mean: averages over axes.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = the mean of x over `axes` (all by default), which disappear from the shape, or stay as 1 with keepdims.
// The mean of no elements is NaN. dx = dy / n repeated along those axes, for means of n elements. Throws if
// an axis is out of range or named twice.
Tensor mean(const Tensor& x, const Axes& axes = {}, bool keepdims = false);

}  // namespace taper
