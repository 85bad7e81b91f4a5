// elu: the exponential linear unit, element by element.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = x where x > 0, alpha (e^x - 1) elsewhere. dx = dy where x > 0, dy alpha e^x elsewhere, at 0 too. NaN
// stays NaN, and lets dy through. float32 or float64, any shape. Source: Clevert, Unterthiner and Hochreiter,
// arXiv 1511.07289.
Tensor elu(const Tensor& x, double alpha = 1);

}  // namespace taper
