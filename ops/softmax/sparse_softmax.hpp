// sparse_softmax: the projection onto the simplex with at most k non-zeros. docs/ops/sparse_softmax.md
// derives it.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// For each row z along `axis`, the point nearest to z of {p >= 0, sum p = 1, at most k non-zeros}. With z
// sorted in descending order, ties by lowest index,
//   m = max {j <= k : 1 + j z_(j) > z_(1) + … + z_(j)},   tau = (z_(1) + … + z_(m) - 1) / m,
//   p_i = z_i - tau on those m indices (the support S), exactly 0 elsewhere.
// With k >= n it is sparsemax. Vector-Jacobian product: dz_i = dp_i - (mean of dp over S) on S, 0 elsewhere;
// the derivative of that with respect to z is 0 wherever it exists.
//
// Ties at the k-th place: the lowest index wins. -inf is never in the support; a row of -inf alone gives
// zeros. A row with NaN or +inf gives NaN, value and gradient. A row of length 0 stays empty.
//
// float32 or float64, at least one axis. Throws if k < 1, z has rank 0, the axis is out of range or its
// extent is 2^31 or more.
// Sources: Martins and Astudillo, arXiv 1602.02068, algorithm 1; Kyrillidis et al., arXiv 1206.1529,
// algorithm 1.
Tensor sparse_softmax(const Tensor& z, std::int64_t k = 3, int axis = -1);

}  // namespace taper
