// exp: the exponential, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = e^x. dx = dy y. float32 or float64, any shape.
Tensor exp(const Tensor& x);

}  // namespace taper
