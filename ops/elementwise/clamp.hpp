// clamp: numbers brought into an interval, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = low where x < low, high where x > high, x elsewhere; NaN stays NaN. dx = dy where low <= x <= high, at
// the bounds too, and 0 elsewhere, for NaN too. A bound may be infinite. float32 or float64, any shape. Throws
// unless low <= high.
Tensor clamp(const Tensor& x, double low, double high);

}  // namespace taper
