// The optimizer that docs/optimizers.md writes as an example.
#pragma once

#include <taper/taper.hpp>

namespace taper::test {

struct RmsPropOptions {
  double learning_rate = 0.01, decay = 0.99, epsilon = 1e-8;
};

class RmsProp : public optim::Optimizer {
 public:
  explicit RmsProp(std::vector<Tensor> parameters, const RmsPropOptions& options = {})
      : Optimizer("RmsProp", std::move(parameters), options.learning_rate, {"mean_square"},
                  {{"decay", options.decay}, {"epsilon", options.epsilon}}),
        options_(options) {}

 private:
  void update(std::span<Update> updates) override {
    for (auto& [p, g, moments, step] : updates) {
      Tensor& v = moments[0];
      v = options_.decay * v + (1 - options_.decay) * square(g);
      p = p - learning_rate() * g / (sqrt(v) + options_.epsilon);
    }
  }

  RmsPropOptions options_;
};

}  // namespace taper::test
