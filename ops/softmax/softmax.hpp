// softmax: the dense one.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// p_i = e^(z_i) / sum_j e^(z_j) along `axis`, with the row's maximum subtracted first.
//   dz_i = p_i (dp_i - sum_j dp_j p_j).
// A row with NaN or +inf, or of -inf alone, is NaN. float32 or float64, at least one axis. Throws if the axis
// is out of range.
Tensor softmax(const Tensor& z, int axis = -1);

}  // namespace taper
