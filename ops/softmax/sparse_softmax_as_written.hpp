// sparse_softmax_as_written: the formula of the zeta.ops page, evaluated literally.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// For each row z along `axis`, p_i = max(0, z_i - tau) for every i, with tau = (z_(1) + … + z_(k) - 1) / k
// over the k largest. This is what the zeta.ops page prints, kept for whoever must reproduce it. It is no
// projection: the sum exceeds 1 if an element among the k largest lies below tau, and more than k elements
// survive if others lie above it. sparse_softmax is the function that the page describes.
//
//   dz_i = [p_i > 0] dp_i - [z_i is one of the k largest] (sum of dp over p > 0) / k.
//
// If fewer than k elements are not -inf, k is their number. Other edges as in sparse_softmax. float32
// or float64, at least one axis. Throws if k < 1, z has rank 0, the axis is out of range or its extent
// is 2^31 or more.
Tensor sparse_softmax_as_written(const Tensor& z, std::int64_t k = 3, int axis = -1);

}  // namespace taper
