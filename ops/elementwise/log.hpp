// log: the natural logarithm, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = log x: -inf at 0, NaN below. dx = dy / x. float32 or float64, any shape.
Tensor log(const Tensor& x);

}  // namespace taper
