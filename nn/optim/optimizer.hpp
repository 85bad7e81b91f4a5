// Optimizer: what every way of updating parameters by their gradients has in common.
#pragma once

#include <taper/core/tensor.hpp>

#include <vector>

namespace taper::optim {

class Optimizer {
 public:
  // The parameters to update, which are shared, not copied. Throws where one does not ask for a gradient.
  explicit Optimizer(std::vector<Tensor> parameters);
  virtual ~Optimizer() = default;

  // Updates every parameter that has a gradient, in place.
  virtual void step() = 0;
  // Clears every parameter's gradient. Gradients accumulate, so this belongs before each backward.
  void zero_grad();

 protected:
  std::vector<Tensor> parameters_;
};

// One state tensor for each parameter, all zeros.
std::vector<Tensor> zeros_like_each(const std::vector<Tensor>& parameters);

}  // namespace taper::optim
