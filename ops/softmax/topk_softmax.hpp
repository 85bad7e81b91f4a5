// topk_softmax: softmax over the k largest elements.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// For each row z along `axis`, softmax over its k largest elements (ties by lowest index),
// exactly 0 elsewhere:
//   p_i = e^(z_i - max) / sum over the k largest of e^(z_j - max).
//   dz_i = p_i (dp_i - sum_j dp_j p_j).
// This is what the library documented by the zeta.ops page computes, done along the last axis and without
// overflow. Edges as in sparse_softmax. float32 or float64, at least one axis. Throws if k < 1, z has rank 0,
// the axis is out of range or its extent is 2^31 or more.
Tensor topk_softmax(const Tensor& z, std::int64_t k = 3, int axis = -1);

}  // namespace taper
