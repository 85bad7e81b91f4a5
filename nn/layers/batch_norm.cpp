// BatchNorm1d and BatchNorm2d: the running averages, and the calls of the op.
#include "batch_norm.hpp"

#include "../../core/create.hpp"
#include "../../core/fail.hpp"
#include "../../core/memory/transfer.hpp"
#include "../../core/recomputation.hpp"
#include "../../ops/elementwise/add.hpp"
#include "../../ops/elementwise/mul.hpp"
#include "../../ops/elementwise/pow.hpp"
#include "../../ops/elementwise/sub.hpp"
#include "../../ops/layout/reshape.hpp"
#include "../../ops/norm/batch_norm.hpp"

namespace taper::nn {

BatchNorm::BatchNorm(const char* name, std::int64_t channels, const BatchNormOptions& options)
    : name_(name), epsilon_(options.epsilon), momentum_(options.momentum) {
  if (channels < 1) fail(name, "wanted at least one channel, got ", channels);
  if (!(momentum_ >= 0 && momentum_ <= 1)) fail(name, "momentum must lie in [0, 1], got ", momentum_);
  if (!(epsilon_ > 0)) fail(name, "epsilon must be positive, got ", epsilon_);
  gain = ones({channels}, options.dtype).requires_grad();
  bias = zeros({channels}, options.dtype).requires_grad();
  running_mean = zeros({channels}, options.dtype);
  running_variance = ones({channels}, options.dtype);
}

Tensor BatchNorm::normalize(const Tensor& x, int rank, int other) const {
  check_given(name_, "x", x);
  const std::int64_t channels = gain.extent(0);
  if ((x.rank() != rank && x.rank() != other) || x.extent(1) != channels || x.dtype() != gain.dtype()) {
    fail(name_, "x must be ", gain.dtype(), " of rank ", rank, rank == other ? "" : " or 3", " with ",
         channels, " channels on axis 1, got ", x.dtype(), " ", x.shape());
  }
  const Scope scope = Scope::outermost(name_);
  if (!is_training()) {
    Shape column = Shape::filled(x.rank(), 1);
    column[1] = channels;
    const Tensor scale = gain * pow(running_variance + epsilon_, -0.5);
    return x * reshape(scale, column) + reshape(bias - running_mean * scale, column);
  }
  const BatchNormed result = batch_norm(x, gain, bias, epsilon_);
  if (is_recomputing()) return result.y;  // these statistics were counted the first time
  const auto count = static_cast<double>(x.size() / channels);
  const auto average = [this](Tensor running, const Tensor& now, double factor) {
    internal::copy_elements((1 - momentum_) * running + (momentum_ * factor) * now, running);
  };
  average(running_mean, result.mean, 1);
  average(running_variance, result.variance, count / (count - 1));
  return result.y;
}

void BatchNorm::list(Parts& parts) const {
  parts.add("gain", gain);
  parts.add("bias", bias);
  parts.add_buffer("running_mean", running_mean);
  parts.add_buffer("running_variance", running_variance);
}

}  // namespace taper::nn
