// BatchNorm1d and BatchNorm2d: channels brought to one scale over the batch, with learned gains.
#pragma once

#include "../../core/tensor.hpp"
#include "../module.hpp"

namespace taper::nn {

struct BatchNormOptions {
  double epsilon = 1e-5;
  double momentum = 0.1;  // how much of a new batch goes into the running averages
  DType dtype = float32;
};

// In training y = (x - mean) / sqrt(variance + epsilon) * gain + bias with mean and variance of each channel
// over the batch (the op batch_norm), and
//   running_mean = (1 - momentum) running_mean + momentum mean,
//   running_variance likewise, with the variance divided by N - 1 in place of the N elements of a channel.
// In evaluation mode the running averages take the place of mean and variance. gain and running_variance
// start as ones, bias and running_mean as zeros; the running averages are buffers: saved, not trained.
// Source: Ioffe and Szegedy, arXiv 1502.03167; momentum as in PyTorch.
class BatchNorm : public Module {
 public:
  void list(Parts& parts) const override;

  Tensor gain, bias, running_mean, running_variance;  // (channels)

 protected:
  // Throws unless channels is at least 1 and momentum lies in [0, 1].
  BatchNorm(const char* name, std::int64_t channels, const BatchNormOptions& options);
  // For x of as many axes, or as many as `other`. Throws if x does not fit.
  Tensor normalize(const Tensor& x, int rank, int other) const;

 private:
  const char* name_;
  double epsilon_, momentum_;
};

// x (batch, width) or (batch, width, length).
class BatchNorm1d : public BatchNorm {
 public:
  // Throws unless width is at least 1 and momentum lies in [0, 1].
  explicit BatchNorm1d(std::int64_t width, const BatchNormOptions& options = {})
      : BatchNorm("BatchNorm1d", width, options) {}

  // Throws if x's shape or dtype does not fit; in training also if a channel has fewer than two elements.
  Tensor operator()(const Tensor& x) const { return normalize(x, 2, 3); }
};

// x (batch, channels, height, width).
class BatchNorm2d : public BatchNorm {
 public:
  explicit BatchNorm2d(std::int64_t channels, const BatchNormOptions& options = {})
      : BatchNorm("BatchNorm2d", channels, options) {}

  Tensor operator()(const Tensor& x) const { return normalize(x, 4, 4); }
};

}  // namespace taper::nn
