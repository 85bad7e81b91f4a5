// Losses, composed of ops.
#include <taper/core/create.hpp>
#include <taper/core/fail.hpp>
#include <taper/core/record.hpp>
#include <taper/nn/losses.hpp>
#include <taper/ops/mean.hpp>
#include <taper/ops/mul.hpp>
#include <taper/ops/sparse_softmax.hpp>
#include <taper/ops/square.hpp>
#include <taper/ops/sub.hpp>
#include <taper/ops/where.hpp>

#include <algorithm>
#include <cmath>

namespace taper::nn {

Tensor mean_squared_error(const Tensor& prediction, const Tensor& target) {
  if (!(prediction.shape() == target.shape()) || prediction.dtype() != target.dtype()) {
    fail("mean_squared_error", "prediction and target differ: prediction is ", prediction.dtype(), " ",
         prediction.shape(), ", target is ", target.dtype(), " ", target.shape());
  }
  return mean(square(prediction - target));
}

namespace {

// L of one row, everything relative to its largest logit: p sums to 1, so that a shift of z changes nothing.
template <class T>
double sparsemax_row_loss(const T* z, const T* p, std::int64_t n, std::int64_t label) {
  const auto largest = static_cast<double>(*std::max_element(z, z + n));
  double loss = 0.5;
  for (std::int64_t j = 0; j < n; ++j) {
    const auto probability = static_cast<double>(p[j]);
    if (probability != 0) loss += probability * (static_cast<double>(z[j]) - largest - probability / 2);
  }
  loss -= std::isinf(z[label]) ? static_cast<double>(z[label]) : static_cast<double>(z[label]) - largest;
  return loss < 0 ? 0 : loss;  // a rounding below 0; NaN stays
}

}  // namespace

Tensor sparsemax_loss(const Tensor& logits, const Indices& labels, const SparsemaxLossOptions& options) {
  const std::int64_t counted = detail::count_labels("sparsemax_loss", logits, labels, options.ignored_label);
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
  // What an ignored row holds reaches neither the loss nor the gradient: where sends it 0.
  const Tensor z = counted == rows ? logits : where(counts, logits, scalar_like(0, logits));
  const Tensor p = sparse_softmax(z, options.k);

  Tensor loss = Tensor::uninitialized("sparsemax_loss", {}, logits.dtype());
  dispatch(logits.dtype(), [&]<class T>() {
    double sum = 0;
    for (std::int64_t row = 0; row < rows; ++row) {
      if (labels[row] == options.ignored_label) continue;
      sum += sparsemax_row_loss(z.data<T>() + row * n, p.data<T>() + row * n, n, labels[row]);
    }
    *loss.mutable_data<T>() = static_cast<T>(sum / static_cast<double>(counted));
  });
  // p is the recorded one: the derivative of the gradient is its Jacobian.
  const double share = 1 / static_cast<double>(counted);
  return record("sparsemax_loss", loss,
                vjp(z, [=](const Tensor& dloss) { return dloss * share * (p - target); }));
}

}  // namespace taper::nn
