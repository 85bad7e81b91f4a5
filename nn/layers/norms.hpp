// LayerNorm and RmsNorm: rows brought to one scale, with learned gains.
#pragma once

#include "../../core/tensor.hpp"
#include "../module.hpp"

namespace taper::nn {

struct LayerNormOptions {
  double epsilon = 1e-5;
  DType dtype = float32;
};

// y = (x - mean) / sqrt(variance + epsilon) * gain + bias along the last axis (the op layer_norm): x
// (…, width), gain and bias (width), which start as ones and zeros. Source: Ba, Kiros and Hinton,
// arXiv 1607.06450.
class LayerNorm : public Module {
 public:
  // Throws unless width is at least 1.
  explicit LayerNorm(std::int64_t width, const LayerNormOptions& options = {});

  // Throws if x's last extent or dtype does not fit, or epsilon is not positive.
  Tensor operator()(const Tensor& x) const;
  void list(Parts& parts) const override;

  Tensor gain, bias;

 private:
  double epsilon_;
};

struct RmsNormOptions {
  double epsilon = 1e-6;
  DType dtype = float32;
};

// y = x / sqrt(mean of x^2 + epsilon) * gain along the last axis (the op rms_norm): x (…, width), gain
// (width), which starts as ones. Source: Zhang and Sennrich, arXiv 1910.07467.
class RmsNorm : public Module {
 public:
  // Throws unless width is at least 1.
  explicit RmsNorm(std::int64_t width, const RmsNormOptions& options = {});

  // Throws if x's last extent or dtype does not fit, or epsilon is not positive.
  Tensor operator()(const Tensor& x) const;
  void list(Parts& parts) const override;

  Tensor gain;

 private:
  double epsilon_;
};

}  // namespace taper::nn
