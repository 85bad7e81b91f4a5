// SGD: stochastic gradient descent.
#pragma once

#include "optimizer.hpp"

namespace taper::optim {

struct SgdOptions {
  double learning_rate = 1e-2;
  double momentum = 0;
  bool nesterov = false;
  double weight_decay = 0;
};

// With weight_decay lambda, g + lambda p stands for g, which is the gradient with lambda |p|^2 / 2 added to the
// loss. With momentum mu and the velocity v starting at 0,
//   v <- mu v + g,   p <- p - learning_rate v             (Polyak's heavy ball)
//                    p <- p - learning_rate (g + mu v)    (nesterov)
// Without momentum there is no velocity, and p <- p - learning_rate g.
// Source: Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep
// learning" (ICML 2013), in the form of torch.optim.SGD: v does not contain the learning rate.
class Sgd : public Optimizer {
 public:
  // Throws if there is no parameter or all are frozen, and if nesterov is asked for without momentum; and
  // unless learning_rate and weight_decay are finite and at least 0 and 0 <= momentum < 1.
  explicit Sgd(std::vector<Tensor> parameters, const SgdOptions& options = {});
  template <BareNumber Rate>
  Sgd(std::vector<Tensor>, Rate) = delete;  // write Sgd(parameters, {.learning_rate = 0.01})

 private:
  void update(std::span<Update> updates) override;

  double momentum_, weight_decay_;
  bool nesterov_;
};

}  // namespace taper::optim
