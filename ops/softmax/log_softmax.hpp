// log_softmax: the logarithm of softmax, without its overflow.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y_i = z_i - log sum_j e^(z_j) along `axis`, with the row's maximum subtracted first.
//   dz_i = dy_i - e^(y_i) sum_j dy_j.
// A row with NaN or +inf, or of -inf alone, is NaN. float32 or float64, at least one axis. Throws if the axis
// is out of range.
Tensor log_softmax(const Tensor& z, int axis = -1);

}  // namespace taper
