// Losses, composed of ops.
#include "losses.hpp"

#include "../core/create.hpp"
#include "../core/fail.hpp"
#include "../core/memory/transfer.hpp"
#include "../core/record.hpp"
#include "../ops/activation/sigmoid.hpp"
#include "../ops/activation/softplus.hpp"
#include "../ops/elementwise/abs.hpp"
#include "../ops/elementwise/add.hpp"
#include "../ops/elementwise/clamp.hpp"
#include "../ops/elementwise/div.hpp"
#include "../ops/elementwise/expm1.hpp"
#include "../ops/elementwise/log.hpp"
#include "../ops/elementwise/maximum.hpp"
#include "../ops/elementwise/mul.hpp"
#include "../ops/elementwise/neg.hpp"
#include "../ops/elementwise/square.hpp"
#include "../ops/elementwise/sub.hpp"
#include "../ops/elementwise/where.hpp"
#include "../ops/reduction/max.hpp"
#include "../ops/reduction/mean.hpp"
#include "../ops/reduction/sum.hpp"
#include "../ops/softmax/entmax.hpp"

#include <cmath>
#include <limits>

namespace taper::nn {

namespace {

// Throws in the name of `op` unless both have the same shape, dtype and device.
void check_alike(const char* op, const char* a_name, const Tensor& a, const char* b_name, const Tensor& b) {
  check_given(op, a_name, a, b_name, b);
  check_same_device(op, a_name, a, b_name, b);
  if (a.shape() == b.shape() && a.dtype() == b.dtype()) return;
  fail(op, a_name, " and ", b_name, " differ: ", a_name, " is ", a.dtype(), " ", a.shape(), ", ", b_name,
       " is ", b.dtype(), " ", b.shape());
}

}  // namespace

Tensor mean_squared_error(const Tensor& prediction, const Tensor& target) {
  check_alike("mean_squared_error", "prediction", prediction, "target", target);
  return mean(square(prediction - target));
}

Tensor mean_absolute_error(const Tensor& prediction, const Tensor& target) {
  check_alike("mean_absolute_error", "prediction", prediction, "target", target);
  return mean(abs(prediction - target));
}

Tensor huber_loss(const Tensor& prediction, const Tensor& target, double delta) {
  check_alike("huber_loss", "prediction", prediction, "target", target);
  if (!(delta > 0 && std::isfinite(delta))) fail("huber_loss", "delta must be positive, got ", delta);
  const Tensor d = prediction - target, at = d.detach(), slope = clamp(at, -delta, delta);
  return mean(record("huber_loss", slope * (at - 0.5 * slope),
                     vjp(d, [d, delta](const Tensor& dy) { return dy * clamp(d, -delta, delta); })));
}

Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& targets) {
  check_alike("binary_cross_entropy_with_logits", "logits", logits, "targets", targets);
  const Tensor x = logits.detach(), y = targets.detach(), rest = 1.0 - y, zero = scalar_like(0, x);
  // y softplus(-x) + (1 - y) softplus(x), in which a weight of 0 counts for nothing beside an infinity.
  const Tensor loss = where(y, y * softplus(-x), zero) + where(rest, rest * softplus(x), zero);
  // sigmoid(x) - y as two terms, so that nothing cancels if y is 0 or 1.
  return mean(record("binary_cross_entropy_with_logits", loss,
                     vjp(logits,
                         [logits, targets](const Tensor& dy) {
                           return dy * ((1.0 - targets) * sigmoid(logits) - targets * sigmoid(-logits));
                         }),
                     vjp(targets, [logits](const Tensor& dy) { return dy * -logits; })));
}

namespace {

// log p - log q; 0 where p is 0.
Tensor log_ratio(const Tensor& p, const Tensor& log_q) {
  return log(where(p, p, scalar_like(1, p))) - where(p, log_q, scalar_like(0, p));
}

}  // namespace

Tensor kl_divergence(const Tensor& log_probabilities, const Tensor& target) {
  check_alike("kl_divergence", "log_probabilities", log_probabilities, "target", target);
  if (target.rank() == 0) fail("kl_divergence", "target must have at least one axis, got ", target.shape());
  // Recorded as one function, whose slope log p + 1 - log q has the derivative 1 / p: composed, p / p^2 would
  // be 0 * inf at a tiny p. Where p is 0, neither p nor log q gets a gradient.
  const Tensor log_q = log_probabilities, p = target, zero = scalar_like(0, p);
  const Tensor loss = p.detach() * log_ratio(p.detach(), log_q.detach());
  return mean(
      sum(record("kl_divergence", loss,
                 vjp(log_q, [p, zero](const Tensor& dy) { return where(p, -(dy * p), zero); }),
                 vjp(p, [=](const Tensor& dy) { return where(p, dy * (log_ratio(p, log_q) + 1.0), zero); })),
          -1));
}

namespace {

// The terms of Tsallis' entropy H(p) = sum_j (p_j - p_j^alpha) / (alpha (alpha - 1)); 0 where p is 0. In
// general by expm1, so that nothing cancels if alpha is near 1.
Tensor entropy_terms(const Tensor& p, double alpha) {
  if (alpha == 2) return 0.5 * p * (1.0 - p);
  const Tensor log_p = log(where(p, p, scalar_like(1, p)));
  return alpha == 1 ? -(p * log_p) : p * expm1((alpha - 1) * log_p) / (alpha * (1 - alpha));
}

// The mean of L over the rows that count, everything relative to each row's largest logit: p and q sum to 1,
// so that a shift of z changes nothing. counts is 1 at each row that counts, 0 elsewhere.
Tensor mean_entmax_loss(const Tensor& z, const Tensor& p, const Tensor& q, double alpha, const Tensor& counts,
                        double counted) {
  const Tensor zero = scalar_like(0, z);
  // Finite, so that in a row of -inf alone -inf minus the largest is -inf.
  const double lowest =
      z.dtype() == float32 ? std::numeric_limits<float>::lowest() : std::numeric_limits<double>::lowest();
  const Tensor largest = maximum(max(z, -1, true), scalar_like(lowest, z));
  const Tensor relative = z - largest;
  const auto terms = [&](const Tensor& of) {
    return where(of, of * relative + entropy_terms(of, alpha), zero);
  };
  const Tensor gain = sum(terms(p) - terms(q), -1, true);
  // Rounding may lead below 0; NaN stays.
  return sum(where(counts, maximum(gain, zero), zero)) / counted;
}

// The loss of targets q in the `counted` rows in which counts is 1.
Tensor entmax_loss_of(const char* op, const Tensor& logits, const Tensor& q, const Tensor& counts,
                      std::int64_t counted, double alpha, std::int64_t k) {
  if (!(alpha >= 1 && alpha <= 2)) fail(op, "alpha must be from 1 to 2, got ", alpha);
  if (k < 1) fail(op, "k must be at least 1, got ", k);
  // What an ignored row holds reaches neither the loss nor the gradient: where() sends it 0.
  const Tensor z = counted == counts.size() ? logits : where(counts, logits, scalar_like(0, logits));
  const Tensor p = entmax(z, alpha, k);
  const auto rows = static_cast<double>(counted);
  const Tensor loss = mean_entmax_loss(z.detach(), p.detach(), q, alpha, counts, rows);
  // This p is recorded: its Jacobian is the derivative of the gradient.
  return record(op, loss, vjp(z, [=](const Tensor& dloss) { return dloss * (1 / rows) * (p - q); }));
}

Tensor entmax_loss_of(const char* op, const Tensor& logits, const Indices& labels,
                      const EntmaxLossOptions& options) {
  const std::int64_t counted = internal::count_labels(op, logits, labels, options.ignored_label);
  const std::int64_t n = logits.extent(-1), rows = labels.size();
  Shape columns = logits.shape();
  columns[columns.size() - 1] = 1;
  Tensor counts = zeros(columns, logits.dtype()), q = zeros(logits.shape(), logits.dtype());
  dispatch(logits.dtype(), [&]<class T>() {
    for (std::int64_t row = 0; row < rows; ++row) {
      if (labels[row] == options.ignored_label) continue;
      counts.mutable_data<T>()[row] = 1;
      q.mutable_data<T>()[row * n + labels[row]] = 1;
    }
  });
  const Device device = logits.device();
  return entmax_loss_of(op, logits, q.to(device), counts.to(device), counted, options.alpha, options.k);
}

}  // namespace

Tensor entmax_loss(const Tensor& logits, const Indices& labels, const EntmaxLossOptions& options) {
  return entmax_loss_of("entmax_loss", logits, labels, options);
}

Tensor sparsemax_loss(const Tensor& logits, const Indices& labels, const SparsemaxLossOptions& options) {
  return entmax_loss_of("sparsemax_loss", logits, labels,
                        {.alpha = 2, .k = options.k, .ignored_label = options.ignored_label});
}

Tensor entmax_loss(const Tensor& logits, const Tensor& targets, const EntmaxLossOptions& options) {
  const char* const op = "entmax_loss";
  check_alike(op, "logits", logits, "targets", targets);
  if (Tape::tracks(targets)) {
    fail(op, "targets are constants, and would get no gradient: pass targets.detach()");
  }
  if (logits.rank() == 0 || logits.size() == 0) {
    fail(op, "logits must have rows, none of them empty, got shape ", logits.shape());
  }
  Shape columns = logits.shape();
  columns[columns.size() - 1] = 1;
  const Tensor counts = ones(columns, logits.kind());
  return entmax_loss_of(op, logits, targets, counts, counts.size(), options.alpha, options.k);
}

}  // namespace taper::nn
