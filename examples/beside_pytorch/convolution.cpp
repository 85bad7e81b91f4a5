#include <taper/taper.hpp>

#include <iostream>

using namespace taper;

int main() {
  // Pictures of 12 x 12 pixels: noise, and in it a stripe, which lies (label 0) or stands (label 1).
  const Indices labels = randint({1000}, 0, 2);
  const Tensor stripes = one_hot(randint({1000}, 0, 12), 12);
  const Tensor stands = reshape(slice(one_hot(labels, 2), 1, 1, 2), {-1, 1, 1});
  const Tensor pictures =
      where(stands, unsqueeze(stripes, 1), unsqueeze(stripes, 2)) + 0.5 * randn({1000, 12, 12});
  const auto [training, test] = nn::Dataset(unsqueeze(pictures, 1), labels).split(0.2, /*seed=*/0);

  const nn::Sequential model{nn::Conv2d(1, 8, 3, {.padding = 1}),
                             relu,
                             nn::MaxPool2d(2),
                             nn::Conv2d(8, 16, 3, {.padding = 1}),
                             relu,
                             nn::MaxPool2d(2),
                             nn::Flatten(),
                             nn::Linear(16 * 3 * 3, 2)};
  optim::Adam adam(model.parameters(), {.learning_rate = 0.003});
  training::fit(model, adam, nn::cross_entropy, training, {.epochs = 20, .batch_size = 50});
  std::cout << "right: " << nn::accuracy(model(test.x), test.y) << '\n';
}
