// prod: products over axes.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = the product of x over `axes` (all by default), which disappear from the shape, or stay as 1 with
// keepdims. An empty product is 1. dx = dy times the product of the others, which is multiplied up and not
// divided out, so that it is right if there are zeros among the factors. float32 is multiplied in float64,
// along one axis after the other, and rounded after each. Throws if an axis is out of range or named twice.
Tensor prod(const Tensor& x, const Axes& axes = {}, bool keepdims = false);

}  // namespace taper
