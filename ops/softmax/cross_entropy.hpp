// cross_entropy: how far predicted probabilities are from labels, as one number.
#pragma once

#include "../../core/indices.hpp"
#include "../../core/tensor.hpp"

namespace taper {

struct CrossEntropyOptions {
  // e below: how much of the target is spread over all classes. From 0 to 1.
  double label_smoothing = 0;
  // Rows with this label count for nothing: their gradient is 0, even if they hold NaN.
  std::int64_t ignored_label = -100;
};

// The mean over the N rows that count of -sum_j t_j log p_j, rank 0, for logits z (…, C) and labels y (…)
// from 0 to C - 1, one a row:
//   p = softmax(z),   t_j = (1 - e) [j = y] + e / C;   dz = dL (p - t) / N.
// A logit whose t_j is 0 may be -inf: it adds nothing. A label whose logit is -inf makes the loss
// +inf, with the same finite gradient. A row with NaN or +inf, or of -inf alone, makes the loss and
// the row's gradient NaN.
//
// The result is bitwise the same for any number of threads. float32 or float64. Throws if the shapes do not
// fit, a label is out of range, label_smoothing is not in [0, 1], or no row counts (a mean of nothing is NaN,
// and a step with it would spoil every parameter without a word). Source for the smoothing: Szegedy et al.,
// arXiv 1512.00567, section 7.
Tensor cross_entropy(const Tensor& logits, const Indices& labels, const CrossEntropyOptions& options = {});

namespace internal {
// How many labels differ from `ignored`. Throws in the name of `op` if labels does not have the shape of
// logits without its last axis, if a label that counts is out of range, or if none counts.
std::int64_t count_labels(const char* op, const Tensor& logits, const Indices& labels, std::int64_t ignored);
}  // namespace internal

}  // namespace taper
