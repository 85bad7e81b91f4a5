// max and min: the largest and the smallest element over axes.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = the largest element of x over `axes` (all by default), which disappear from the shape, or stay as
// 1 with keepdims; NaN if one of them is NaN. dx = dy at the largest element; elements that tie (a
// kink) share it equally. Throws if an axis is out of range or named twice, and if the maximum of no
// elements is asked for.
Tensor max(const Tensor& x, const Axes& axes = {}, bool keepdims = false);

// The same for the smallest element.
Tensor min(const Tensor& x, const Axes& axes = {}, bool keepdims = false);

}  // namespace taper
