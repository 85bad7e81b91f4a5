// An optimizer that somebody else writes with an installed Taper: Adagrad (Duchi, Hazan and Singer,
// JMLR 12, 2011).
#include <taper/taper.hpp>

#include <cmath>

#include <gtest/gtest.h>

namespace {

using taper::Tensor;

// s <- s + g^2, p <- p - learning_rate g / (sqrt(s) + epsilon).
class Adagrad : public taper::optim::Optimizer {
 public:
  Adagrad(std::vector<Tensor> parameters, double learning_rate, double epsilon = 1e-10)
      : Optimizer("Adagrad", std::move(parameters), learning_rate, {"sum_of_squares"},
                  {{"epsilon", epsilon}}),
        epsilon_(epsilon) {}

 private:
  void update(std::span<Update> updates) override {
    for (auto& [p, g, moments, step, rate] : updates) {
      moments[0] = moments[0] + square(g);
      p = p - rate * g / (sqrt(moments[0]) + epsilon_);
    }
  }
  double epsilon_;
};

const Tensor& inputs() {
  static const Tensor x = taper::tensor({{0.0}, {1.0}, {2.0}});
  return x;
}

double train(const taper::nn::Linear& line, taper::optim::Optimizer& optimizer, int steps) {
  double last = 0;
  for (int step = 0; step < steps; ++step) {
    taper::Tape tape;
    const Tensor loss = taper::nn::mean_squared_error(line(inputs()), 2.0 * inputs() + 1.0);
    optimizer.zero_grad();
    tape.backward(loss);
    optimizer.step();
    last = loss.item();
  }
  return last;
}

TEST(OwnOptimizer, Trains) {
  const taper::nn::Linear line(1, 1);
  Adagrad adagrad(line.parameters(), 0.5);
  EXPECT_LT(train(line, adagrad, 500), 1e-4);
  EXPECT_NEAR(line.weight.item(), 2, 0.05);
}

TEST(OwnOptimizer, GoesOnFromItsState) {
  const taper::nn::Linear line(1, 1), other(1, 1);
  Adagrad adagrad(line.parameters(), 0.5), resumed(other.parameters(), 0.5);
  train(line, adagrad, 10);
  other.load_state_dict(line.state_dict());
  resumed.load_state(adagrad.state());
  EXPECT_EQ(train(line, adagrad, 10), train(other, resumed, 10));
  EXPECT_EQ(line.weight.item(), other.weight.item());
}

}  // namespace
