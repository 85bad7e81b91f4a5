// expm1: e^x - 1, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = e^x - 1, with all digits where x is small, too. dx = dy e^x. float32 or float64, any shape.
Tensor expm1(const Tensor& x);

}  // namespace taper
