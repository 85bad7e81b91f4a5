// neg: the negative, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = -x. dx = -dy. float32 or float64, any shape.
Tensor neg(const Tensor& x);
inline Tensor operator-(const Tensor& x) { return neg(x); }

}  // namespace taper
