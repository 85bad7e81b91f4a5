// cumsum: running sums along an axis.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y_i = x_0 + … + x_i along `axis`, in x's shape. dx_i = dy_i + … + dy_(n-1). float32 is added up in float64,
// and each y_i rounded once. float32 or float64, at least one axis. Throws if the axis is out of range.
Tensor cumsum(const Tensor& x, int axis = -1);

}  // namespace taper
