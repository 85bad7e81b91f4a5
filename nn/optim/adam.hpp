// Adam and AdamW: steps scaled by running moments of the gradient.
#pragma once

#include "optimizer.hpp"

namespace taper::optim {

struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

// In a parameter's step t = 1, 2, …, with m and v starting at 0,
//   m <- beta1 m + (1 - beta1) g,   v <- beta2 v + (1 - beta2) g^2,
//   p <- p - learning_rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon).
// Source: Kingma and Ba, arXiv 1412.6980, algorithm 1.
class Adam : public Optimizer {
 public:
  // Throws if there is no parameter or all are frozen, and unless learning_rate is finite and at least 0,
  // epsilon positive and the betas in [0, 1).
  explicit Adam(std::vector<Tensor> parameters, const AdamOptions& options = {});
  template <BareNumber Rate>
  Adam(std::vector<Tensor>, Rate) = delete;  // write Adam(parameters, {.learning_rate = 0.01})

 protected:
  Adam(const char* kind, std::vector<Tensor> parameters, const AdamOptions& options, double weight_decay);

 private:
  void update(std::span<Update> updates) override;

  double beta1_, beta2_, epsilon_, weight_decay_;
};

struct AdamWOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 1e-2;
};

// Adam with decoupled weight decay: before Adam's step,
//   p <- p - learning_rate weight_decay p,
// which, unlike a penalty in the loss, is not scaled by the moments.
// Source: Loshchilov and Hutter, arXiv 1711.05101, algorithm 2, with the learning rate in place of the
// schedule's multiplier, as torch.optim.AdamW has it.
class AdamW : public Adam {
 public:
  // Throws as Adam does, and unless weight_decay is finite and at least 0.
  explicit AdamW(std::vector<Tensor> parameters, const AdamWOptions& options = {});
  template <BareNumber Rate>
  AdamW(std::vector<Tensor>, Rate) = delete;  // write AdamW(parameters, {.learning_rate = 0.01})
};

}  // namespace taper::optim
