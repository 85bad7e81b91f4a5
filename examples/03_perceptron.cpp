// A multilayer perceptron tells two spirals apart, which no straight line does, and draws what it learned.
#include "common/decision_map.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <cstdio>
#include <numbers>

using namespace taper;

int main() {
  // Two spirals of a hundred points each: the second is the first, turned by half a circle.
  std::vector<double> coordinates;
  std::vector<std::int64_t> labels;
  for (int i = 0; i < 200; ++i) {
    const int label = i % 2;
    const double along = std::sqrt(i / 200.0), radius = 0.1 + 0.9 * along;
    const double angle = (3.5 * along + label) * std::numbers::pi;
    coordinates.insert(coordinates.end(), {radius * std::cos(angle), radius * std::sin(angle)});
    labels.push_back(label);
  }
  Generator generator(/*seed=*/1);
  const Tensor points = tensor(coordinates, {200, 2}) + 0.02 * randn({200, 2}, generator);

  // Each layer with its tanh bends the plane, until the last can part the classes with a straight cut.
  const nn::Linear first(2, 32, generator), second(32, 32, generator), last(32, 2, generator);
  const nn::Sequential model(first, taper::tanh, second, taper::tanh, last);
  optim::Adam adam(model.parameters(), {.learning_rate = 0.01});

  for (int step = 0; step <= 500; ++step) {
    Tape tape;
    const Tensor logits = model(points);
    const Tensor loss = nn::cross_entropy(logits, labels);
    adam.zero_grad();
    tape.backward(loss);
    adam.step();
    if (step % 100 == 0) {
      std::printf("step %3d: loss %.4f, %.1f %% right\n", step, loss.item(),
                  100 * nn::accuracy(logits, labels));
    }
  }

  // What it says of the whole plane, even of places that it never saw.
  const double reach = 1.2;
  const Tensor p = softmax(model(example::square_grid(121, reach)));
  example::save({"Two spirals, told apart", reach, slice(p, 1, 1, 2), points, labels}, "spirals.svg");
  std::puts("the picture: spirals.svg");
}
