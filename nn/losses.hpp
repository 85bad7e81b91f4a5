// Losses: how far a prediction is from its target, as one number. docs/losses.md derives them.
#pragma once

#include "../core/indices.hpp"
#include "../core/tensor.hpp"
#include "../ops/softmax/cross_entropy.hpp"

#include <limits>

namespace taper::nn {

// mean (prediction - target)^2 over all elements, rank 0. Throws if shapes or dtypes differ: a loss that
// broadcasts by accident is a wrong number.
Tensor mean_squared_error(const Tensor& prediction, const Tensor& target);

// mean |prediction - target| over all elements, rank 0: the L1 loss. Its gradient is 0 at the kink, where the
// two are equal. Throws if shapes or dtypes differ.
Tensor mean_absolute_error(const Tensor& prediction, const Tensor& target);

// The mean over all elements, rank 0, with d = prediction - target, of
//   L = d^2 / 2                    for |d| <= delta
//   L = delta (|d| - delta / 2)    elsewhere;        dd = dL max(-delta, min(d, delta)) / n.
// A square near 0 and straight lines further out, so that a few wild targets don't rule. Throws if shapes or
// dtypes differ, or unless delta is positive and finite. Source: Huber, "Robust Estimation of a Location
// Parameter" (Annals of Mathematical Statistics 35, 1964).
Tensor huber_loss(const Tensor& prediction, const Tensor& target, double delta = 1);

// The mean over all elements, rank 0, for logits x and targets y from 0 to 1, of
//   L = -y log s(x) - (1 - y) log(1 - s(x)) = max(x, 0) - x y + log(1 + e^-|x|),   s = sigmoid;
//   dx = dL (s(x) - y) / n,   dy = -dL x / n:
// independent questions with the answers yes and no, one a logit. It neither overflows nor loses digits for
// any logit, and an infinite one gives 0 if it is right, infinity if it is wrong. Throws if shapes or dtypes
// differ. That targets lie in [0, 1] is not checked: outside, L has no minimum.
Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& targets);

// How far predicted probabilities q are from the target's p, for log q and p (…, C): the mean over the N
// rows, rank 0, of
//   L = sum_j p_j (log p_j - log q_j);   dlog q = -dL p / N,   dp = dL (log p + 1 - log q) / N.
// If p_j is 0 it adds nothing, and neither it nor log q_j gets a gradient, even if log q_j is -inf.
//
//   nn::kl_divergence(log_softmax(logits), softmax(teacher))
//
// Throws if shapes or dtypes differ, or at rank 0. That rows are log-probabilities and probabilities is not
// checked. Source: Kullback and Leibler, "On Information and Sufficiency" (Annals of Mathematical
// Statistics 22, 1951).
Tensor kl_divergence(const Tensor& log_probabilities, const Tensor& target);

// The mean of -log softmax(logits)[label], with label smoothing and ignored labels: an op of its
// own, see there.
using taper::cross_entropy;

struct EntmaxLossOptions {
  // From 1, for which p below is softmax, to 2, for which it is sparsemax.
  double alpha = 1.5;
  // How many non-zeros p has at most. By default any number.
  std::int64_t k = std::numeric_limits<std::int64_t>::max();
  // Rows with this label count for nothing: their gradient is 0, even if they hold NaN.
  std::int64_t ignored_label = -100;
};

// The loss that belongs to entmax as cross entropy belongs to softmax: its gradient is prediction minus
// target. For logits z (…, C) and target probabilities q of the same shape, the result has rank 0 and is the
// mean over the N rows of
//   L = p . z + H(p) - q . z - H(q)   with p = entmax(z, alpha, k);   dz = dL (p - q) / N,
//   H(p) = sum_j (p_j - p_j^alpha) / (alpha (alpha - 1)), or -sum_j p_j log p_j for alpha = 1.
// L is convex, at least 0, and 0 exactly if p = q. Where entmax has a kink, L is smooth. Where entmax jumps, L
// has a kink, at which the p that entmax gives is taken.
//
// A logit of -inf has p = 0; if its q is not 0, L is +inf and the gradient p - q all the same. A row with NaN
// or +inf makes the loss and the row's gradient NaN. float32 or float64. Throws if shapes, dtypes or devices
// differ, if there is no row or a row is empty, if targets ask for a gradient, which they don't get, if alpha
// is not in [1, 2], or if k < 1. That q are probabilities, at most k of them not 0, is not checked.
// Sources: Blondel, Martins and Niculae, arXiv 1901.02324 (Fenchel-Young losses, of which this is that of -H);
// Peters, Niculae and Martins, arXiv 1905.05702.
Tensor entmax_loss(const Tensor& logits, const Tensor& targets, const EntmaxLossOptions& options = {});

// The same for labels y (…) from 0 to C - 1, one a row, q = e_y, over the N rows that count: H(e_y) = 0, so
// that
//   L = p . z + H(p) - z_y;   dz = dL (p - e_y) / N.
// It is 0 exactly if z_y exceeds every other logit by 1 / (alpha - 1) or more (with k = 1, if z_y is the
// largest). Throws besides if a label is out of range or no row counts. With alpha = 1 it is cross_entropy,
// which keeps more digits of a small loss.
Tensor entmax_loss(const Tensor& logits, const Indices& labels, const EntmaxLossOptions& options = {});

struct SparsemaxLossOptions {
  std::int64_t k = std::numeric_limits<std::int64_t>::max();
  std::int64_t ignored_label = -100;
};

// entmax_loss with alpha = 2, p = sparse_softmax(z, k): L = p . z - |p|^2 / 2 + 1/2 - z_y. Source: Martins
// and Astudillo, arXiv 1602.02068, section 3.
Tensor sparsemax_loss(const Tensor& logits, const Indices& labels, const SparsemaxLossOptions& options = {});

}  // namespace taper::nn
