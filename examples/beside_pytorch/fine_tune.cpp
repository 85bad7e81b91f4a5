#include <taper/taper.hpp>

#include <iostream>

using namespace taper;

int main() {
  const Tensor x = reshape(linspace(-2, 2, 256), {-1, 1});
  const nn::Dataset old_task(x, abs(x)), new_task(x, relu(x));
  const nn::Sequential body{nn::Linear(1, 32), tanh};
  const nn::Sequential old_model{body, nn::Linear(32, 1)}, model{body, nn::Linear(32, 1)};
  optim::Adam old_adam(old_model.parameters(), {.learning_rate = 0.01});
  training::fit(old_model, old_adam, nn::mean_squared_error, old_task, {.epochs = 100});

  body.requires_grad(false);
  optim::Adam adam(model.parameters(), {.learning_rate = 0.01});
  training::fit(model, adam, nn::mean_squared_error, new_task, {.epochs = 50});
  body.requires_grad();
  adam.scale_learning_rate(body.parameters(), 0.1);
  training::fit(model, adam, nn::mean_squared_error, new_task, {.epochs = 50});
  std::cout << "mean error: " << nn::mean_absolute_error(model(x), new_task.y).item() << '\n';
}
