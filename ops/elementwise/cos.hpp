// cos: the cosine, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = cos x for x in radians, NaN at ±inf. dx = -dy sin x. float32 or float64, any shape.
Tensor cos(const Tensor& x);

}  // namespace taper
