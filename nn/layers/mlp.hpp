// Mlp: a multilayer perceptron with one hidden layer, as transformers have it.
#pragma once

#include "linear.hpp"

namespace taper::nn {

struct MlpOptions {
  std::int64_t outputs = 0;  // 0: as wide as the input
  bool bias = true;          // of both layers
  DType dtype = float32;
};

// y = gelu(x W1 + b1) W2 + b2 along the last axis: x (…, width), the hidden layer (…, hidden), y (…,
// outputs). Both layers start as Linear does.
class Mlp : public Module {
 public:
  // Throws unless width and hidden are at least 1 and outputs is not negative.
  Mlp(std::int64_t width, std::int64_t hidden, Generator& generator, const MlpOptions& options = {});
  Mlp(std::int64_t width, std::int64_t hidden, const MlpOptions& options = {})
      : Mlp(width, hidden, default_generator(), options) {}

  // Throws, as Linear does, if x's last extent or dtype does not fit.
  Tensor operator()(const Tensor& x) const;
  void list(Parts& parts) const override;

  Linear hidden, output;
};

}  // namespace taper::nn
