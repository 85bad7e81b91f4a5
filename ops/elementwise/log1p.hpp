// log1p: log(1 + x), element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = log(1 + x), with all digits where x is small, too: -inf at -1, NaN below. dx = dy / (1 + x). float32 or
// float64, any shape.
Tensor log1p(const Tensor& x);

}  // namespace taper
