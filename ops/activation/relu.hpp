// relu: the rectifier, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = max(x, 0). dx = dy where x > 0, 0 elsewhere, at the kink x = 0 too. NaN stays NaN, and lets dy through.
// float32 or float64, any shape.
Tensor relu(const Tensor& x);

}  // namespace taper
