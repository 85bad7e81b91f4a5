// SGD: stochastic gradient descent.
#pragma once

#include <taper/nn/optim/optimizer.hpp>

namespace taper::optim {

struct SgdOptions {
  double learning_rate = 1e-2;
  double momentum = 0;
};

// v <- momentum v + g,   p <- p - learning_rate v   (Polyak's heavy ball; v starts at 0).
class Sgd : public Optimizer {
 public:
  // Throws unless learning_rate > 0 and 0 <= momentum < 1.
  explicit Sgd(std::vector<Tensor> parameters, const SgdOptions& options = {});
  void step() override;

 private:
  SgdOptions options_;
  std::vector<Tensor> velocity_;
};

}  // namespace taper::optim
