// Losses, composed of ops.
#include "losses.hpp"

#include "../core/create.hpp"
#include "../core/fail.hpp"
#include "../core/memory/transfer.hpp"
#include "../core/record.hpp"
#include "../ops/elementwise/add.hpp"
#include "../ops/elementwise/div.hpp"
#include "../ops/elementwise/maximum.hpp"
#include "../ops/elementwise/mul.hpp"
#include "../ops/elementwise/square.hpp"
#include "../ops/elementwise/sub.hpp"
#include "../ops/elementwise/where.hpp"
#include "../ops/reduction/max.hpp"
#include "../ops/reduction/mean.hpp"
#include "../ops/reduction/sum.hpp"
#include "../ops/softmax/sparse_softmax.hpp"

#include <limits>

namespace taper::nn {

Tensor mean_squared_error(const Tensor& prediction, const Tensor& target) {
  check_given("mean_squared_error", "prediction", prediction, "target", target);
  check_same_device("mean_squared_error", "prediction", prediction, "target", target);
  if (!(prediction.shape() == target.shape()) || prediction.dtype() != target.dtype()) {
    fail("mean_squared_error", "prediction and target differ: prediction is ", prediction.dtype(), " ",
         prediction.shape(), ", target is ", target.dtype(), " ", target.shape());
  }
  return mean(square(prediction - target));
}

namespace {

// The mean of L over the rows that count, everything relative to each row's largest logit: p sums to 1, so
// that a shift of z changes nothing. target is 1 at each label, counts is 1 at each row that counts;
// elsewhere they are 0.
Tensor mean_sparsemax_loss(const Tensor& z, const Tensor& p, const Tensor& target, const Tensor& counts,
                           double counted) {
  const Tensor zero = scalar_like(0, z);
  // Finite, so that in a row of -inf alone -inf minus the largest is -inf.
  const double lowest =
      z.dtype() == float32 ? std::numeric_limits<float>::lowest() : std::numeric_limits<double>::lowest();
  const Tensor largest = maximum(max(z, -1, true), scalar_like(lowest, z));
  const Tensor relative = z - largest;
  const Tensor gain = sum(where(p, p * (relative - 0.5 * p), zero) - where(target, relative, zero), -1, true);
  // Rounding may lead below 0; NaN stays.
  return sum(where(counts, maximum(gain + 0.5, zero), zero)) / counted;
}

}  // namespace

Tensor sparsemax_loss(const Tensor& logits, const Indices& labels, const SparsemaxLossOptions& options) {
  const std::int64_t counted =
      internal::count_labels("sparsemax_loss", logits, labels, options.ignored_label);
  if (options.k < 1) fail("sparsemax_loss", "k must be at least 1, got ", options.k);
  const std::int64_t n = logits.extent(-1), rows = labels.size();
  Shape columns = logits.shape();
  columns[columns.size() - 1] = 1;
  Tensor counts = zeros(columns, logits.dtype()), target = zeros(logits.shape(), logits.dtype());
  dispatch(logits.dtype(), [&]<class T>() {
    for (std::int64_t row = 0; row < rows; ++row) {
      if (labels[row] == options.ignored_label) continue;
      counts.mutable_data<T>()[row] = 1;
      target.mutable_data<T>()[row * n + labels[row]] = 1;
    }
  });
  counts = counts.to(logits.device()), target = target.to(logits.device());
  // What an ignored row holds reaches neither the loss nor the gradient: where() sends it 0.
  const Tensor z = counted == rows ? logits : where(counts, logits, scalar_like(0, logits));
  const Tensor p = sparse_softmax(z, options.k);

  const Tensor loss =
      mean_sparsemax_loss(z.detach(), p.detach(), target, counts, static_cast<double>(counted));
  // This p is recorded: its Jacobian is the derivative of the gradient.
  const double share = 1 / static_cast<double>(counted);
  return record("sparsemax_loss", loss,
                vjp(z, [=](const Tensor& dloss) { return dloss * share * (p - target); }));
}

}  // namespace taper::nn
