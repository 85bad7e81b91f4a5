// entmax: the family from softmax (alpha = 1) to sparsemax (alpha = 2). docs/ops/entmax.md derives it.
#pragma once

#include "../../core/tensor.hpp"

#include <limits>

namespace taper {

// For each row z along `axis`, with 1 <= alpha <= 2, the p of {p >= 0, sum p = 1, at most k non-zeros} for
// which p . z + H(p) is largest, where H is Tsallis' entropy
//   H(p) = sum_j (p_j - p_j^alpha) / (alpha (alpha - 1)),   Shannon's -sum_j p_j log p_j for alpha = 1.
// With theta such that sum p = 1, and the k largest elements, ties by lowest index,
//   p_i = max(0, 1 + (alpha - 1) (z_i - theta))^(1 / (alpha - 1)) on those, exactly 0 elsewhere.
// By default k does not bind. alpha = 1 is topk_softmax and alpha = 2 sparse_softmax, under whose names they
// are recorded. Vector-Jacobian product, with s_i = p_i^(2 - alpha) on the support {p > 0}, 0 elsewhere:
//   dz_i = s_i (dp_i - sum_j s_j dp_j / sum_j s_j).
// alpha is a constant: it gets no gradient.
//
// Ties at the k-th place: the lowest index wins. -inf is never in the support; a row of -inf alone gives
// zeros. A row with NaN or +inf gives NaN, value and gradient. A row of length 0 stays empty. theta is found
// in float64, for alpha = 1.5 exactly but for rounding: n elements that are nearly equal lose n eps of their sum.
//
// float32 or float64, at least one axis. Throws if alpha is not in [1, 2], k < 1, z has rank 0, the axis is
// out of range or its extent is 2^31 or more. Source: Peters, Niculae and Martins, arXiv 1905.05702.
Tensor entmax(const Tensor& z, double alpha = 1.5, std::int64_t k = std::numeric_limits<std::int64_t>::max(),
              int axis = -1);

}  // namespace taper
