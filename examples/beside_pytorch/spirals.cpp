#include <taper/taper.hpp>

#include <iostream>
#include <numbers>

using namespace taper;

int main() {
  std::vector<std::int64_t> labels(100, 0);
  labels.resize(200, 1);
  const Tensor along = sqrt(linspace(0, 1, 100)), radius = 0.1 + 0.9 * concat({along, along}, 0);
  const Tensor angle = std::numbers::pi * concat({3.5 * along, 3.5 * along + 1.0}, 0);
  const Tensor points = stack({radius * cos(angle), radius * sin(angle)}, 1);
  const nn::Dataset data(points, Indices(labels));
  const nn::Sequential model{nn::Linear(2, 32), tanh, nn::Linear(32, 32), tanh, nn::Linear(32, 2)};
  optim::Adam adam(model.parameters(), {.learning_rate = 0.01});
  training::fit(model, adam, nn::cross_entropy, data, {.epochs = 300, .batch_size = 50});
  std::cout << "right: " << nn::accuracy(model(points), labels) << '\n';
}
