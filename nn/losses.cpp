// Losses, composed of ops.
#include <taper/core/fail.hpp>
#include <taper/nn/losses.hpp>
#include <taper/ops/gather.hpp>
#include <taper/ops/log_softmax.hpp>
#include <taper/ops/mean.hpp>
#include <taper/ops/neg.hpp>
#include <taper/ops/reshape.hpp>
#include <taper/ops/square.hpp>
#include <taper/ops/sub.hpp>

namespace taper::nn {

Tensor mean_squared_error(const Tensor& prediction, const Tensor& target) {
  if (!(prediction.shape() == target.shape()) || prediction.dtype() != target.dtype()) {
    fail("mean_squared_error", "prediction and target differ: prediction is ", prediction.dtype(), " ",
         prediction.shape(), ", target is ", target.dtype(), " ", target.shape());
  }
  return mean(square(prediction - target));
}

Tensor cross_entropy(const Tensor& logits, const Indices& labels) {
  const int leading = logits.rank() - 1;
  if (leading < 0 || !(Shape(logits.shape().data(), leading) == labels.shape())) {
    fail("cross_entropy", "labels must have the shape of logits without its last axis: logits are ",
         logits.shape(), ", labels ", labels.shape());
  }
  if (labels.size() == 0) fail("cross_entropy", "labels is empty: logits are ", logits.shape());
  const std::int64_t classes = logits.extent(-1);
  std::vector<std::int64_t> positions;  // of each label's logit among all of them
  positions.reserve(static_cast<std::size_t>(labels.size()));
  for (std::int64_t row = 0; row < labels.size(); ++row) {
    if (labels[row] < 0 || labels[row] >= classes) {
      fail("cross_entropy", "labels has ", labels[row], " where logits of shape ", logits.shape(), " have ",
           classes, " classes");
    }
    positions.push_back(row * classes + labels[row]);
  }
  return neg(mean(gather(reshape(log_softmax(logits), {-1}), Indices(std::move(positions)))));
}

}  // namespace taper::nn
