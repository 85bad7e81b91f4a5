// The optimizer that docs/optimizers.md writes as an example.
#pragma once

#include <taper/taper.hpp>

namespace taper::test {

struct AdagradOptions {
  double learning_rate = 0.01, epsilon = 1e-10;
};

class Adagrad : public optim::Optimizer {
 public:
  explicit Adagrad(std::vector<Tensor> parameters, const AdagradOptions& options = {})
      : Optimizer("Adagrad", std::move(parameters), options.learning_rate, {"sum_of_squares"},
                  {{"epsilon", options.epsilon}}),
        options_(options) {}

 private:
  void update(std::span<Update> updates) override {
    for (auto& [p, g, moments, step, rate] : updates) {
      Tensor& s = moments[0];
      s = s + square(g);
      p = p - rate * g / (sqrt(s) + options_.epsilon);
    }
  }

  AdagradOptions options_;
};

}  // namespace taper::test
