// Adam: steps scaled by running moments of the gradient.
#pragma once

#include <taper/nn/optim/optimizer.hpp>

namespace taper::optim {

struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

// In step t = 1, 2, …, with m and v starting at 0,
//   m <- beta1 m + (1 - beta1) g,   v <- beta2 v + (1 - beta2) g^2,
//   p <- p - learning_rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon).
// Source: Kingma and Ba, arXiv 1412.6980, algorithm 1.
class Adam : public Optimizer {
 public:
  // Throws unless learning_rate and epsilon are positive and the betas in [0, 1).
  explicit Adam(std::vector<Tensor> parameters, const AdamOptions& options = {});
  void step() override;

 private:
  AdamOptions options_;
  std::vector<Tensor> first_moment_, second_moment_;
  double beta1_power_ = 1, beta2_power_ = 1;  // beta^t
};

}  // namespace taper::optim
