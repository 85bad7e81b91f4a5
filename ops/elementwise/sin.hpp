// sin: the sine, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = sin x for x in radians, NaN at ±inf. dx = dy cos x. float32 or float64, any shape.
Tensor sin(const Tensor& x);

}  // namespace taper
