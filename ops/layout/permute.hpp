// permute: the axes in another order.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y's axis i is x's axis axes[i], which may be negative: permute(x, {0, 2, 3, 1}) turns (n, c, h, w) into
// (n, h, w, c). The elements are copied. dx = dy in the order that undoes it. Throws unless `axes` names each
// axis of x once.
Tensor permute(const Tensor& x, const Shape& axes);

}  // namespace taper
