// Axes in another order.
#pragma once

#include "../backend.hpp"

namespace taper::kernels {

// A tensor whose axis i is x's axis order[i].
Tensor permute(const char* op, const Tensor& x, const Shape& order);

}  // namespace taper::kernels
