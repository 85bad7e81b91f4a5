// RMSProp: steps scaled by a running mean of the squared gradient.
#pragma once

#include "optimizer.hpp"

namespace taper::optim {

struct RmsPropOptions {
  double learning_rate = 1e-2;
  double decay = 0.99;
  double epsilon = 1e-8;
};

// With v starting at 0,
//   v <- decay v + (1 - decay) g^2,   p <- p - learning_rate g / (sqrt(v) + epsilon).
// Source: Tieleman and Hinton, "Neural Networks for Machine Learning", lecture 6.5 (Coursera, 2012), in the
// form of torch.optim.RMSprop.
class RmsProp : public Optimizer {
 public:
  // Throws if there is no parameter or all are frozen, and unless learning_rate is finite and at least 0,
  // epsilon positive and decay in [0, 1).
  explicit RmsProp(std::vector<Tensor> parameters, const RmsPropOptions& options = {});
  template <BareNumber Rate>
  RmsProp(std::vector<Tensor>, Rate) = delete;  // write RmsProp(parameters, {.learning_rate = 0.01})

 private:
  void update(std::span<Update> updates) override;

  double decay_, epsilon_;
};

}  // namespace taper::optim
