// Running sums along an axis.
#pragma once

#include "../axis_view.hpp"
#include "../backend.hpp"

namespace taper::kernels {

// y_i = x_0 + … + x_i along the view's axis, or x_i + … + x_(n-1) if it is reversed, in x's shape. float32 is
// added up in float64; each y_i is rounded once.
Tensor cumsum(const char* op, const AxisView& view, bool is_reversed, const Tensor& x);

}  // namespace taper::kernels
