// logsumexp: the logarithm of a sum of exponentials over axes.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = log(sum e^x) over `axes` (all by default), which disappear from the shape, or stay as 1 with keepdims.
// The largest element is taken out of the sum, so that nothing overflows. dx = dy softmax(x) over the same
// axes. -inf if all elements are -inf or there are none, +inf if one is +inf; the gradient of such a group is
// NaN, as softmax is. Throws if an axis is out of range or named twice.
Tensor logsumexp(const Tensor& x, const Axes& axes = {}, bool keepdims = false);

}  // namespace taper
