#include <taper/taper.hpp>

#include <iostream>

using namespace taper;

int main() {
  const Tensor x = reshape(linspace(-3, 3, 256), {-1, 1});
  const nn::Dataset data(x, sin(x));
  const nn::Sequential model{nn::Linear(1, 32), tanh, nn::Linear(32, 1)};
  optim::Adam adam(model.parameters(), {.learning_rate = 0.01});
  training::fit(model, adam, nn::mean_squared_error, data, {.epochs = 100, .batch_size = 32});
  std::cout << "largest error: " << max(abs(model(x) - sin(x))).item() << '\n';
}
