// Trains a line through three points with an installed Taper, and looks at it through xtensor.
#include <taper/core/xtensor.hpp>
#include <taper/taper.hpp>

#include <cmath>
#include <iostream>

int main() {
  using namespace taper;
  const Tensor x = tensor({{0.0}, {1.0}, {2.0}}), y = tensor({{1.0}, {3.0}, {5.0}});
  const nn::Linear line(1, 1);
  optim::Adam adam(line.parameters(), {.learning_rate = 0.1});
  for (int step = 0; step < 500; ++step) {
    Tape tape;
    const Tensor loss = nn::mean_squared_error(line(x), y);
    adam.zero_grad();
    tape.backward(loss);
    adam.step();
  }
  const auto slope = as_xtensor<float>(line.weight);
  std::cout << "slope " << slope(0, 0) << '\n';
  return std::abs(slope(0, 0) - 2) < 1e-2 ? 0 : 1;
}
