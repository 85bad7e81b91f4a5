#include <taper/taper.hpp>

#include <iostream>

using namespace taper;

int main() {
  // Sequences of ten numbers, two of which are marked: what is the sum of the two?
  const Tensor numbers = uniform({2000, 10}, 0, 1);
  const Tensor marks = sum(one_hot(top_k(uniform({2000, 10}, 0, 1), 2).indices, 10), 1);
  const nn::Dataset data(stack({numbers, marks}, 2), sum(numbers * marks, 1, true));

  const auto last = [](const Tensor& outputs) { return squeeze(slice(outputs, 1, 9, 10), {1}); };
  const nn::Sequential model{nn::Gru(2, 32), last, nn::Linear(32, 1)};
  optim::Adam adam(model.parameters(), {.learning_rate = 0.01});
  training::fit(model, adam, nn::mean_squared_error, data, {.epochs = 30, .batch_size = 50});
  std::cout << "mean error: " << nn::mean_absolute_error(model(data.x), data.y).item() << '\n';
}
