// silu: x sigmoid(x), element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = x s with s = sigmoid(x), also called swish; 0 at -inf. dx = dy (s + x s (1 - s)); the factor is 0 at
// -inf and 1 at inf. float32 or float64, any shape. Source: Elfwing, Uchibe and Doya, arXiv 1702.03118.
Tensor silu(const Tensor& x);

}  // namespace taper
