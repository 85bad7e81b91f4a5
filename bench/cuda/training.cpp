// A training step of the character transformer on random symbols, on the CPU and on the device. Its time is
// wall time, and includes drawing the batch, copying it to the device, and reading the loss.
#include "../character_model.hpp"
#include "../clock.hpp"
#include "timings.hpp"

#include <algorithm>
#include <vector>

using namespace taper;

namespace bench {
namespace {

constexpr std::int64_t alphabet = 96;
constexpr int compared_steps = 5;

Json train(const Sizes& sizes, std::int64_t width, Device device, double seconds) {
  Generator generator(1), text(2);
  CharacterModel model(alphabet, width, sizes, generator);
  model.to(device);
  optim::Adam adam(model.parameters(), {.learning_rate = 1e-3});
  const auto step = [&] {
    std::vector<std::int64_t> inputs, labels;
    for (std::int64_t i = 0; i < sizes.batch * sizes.context; ++i) {
      inputs.push_back(static_cast<std::int64_t>(text.uniform() * alphabet));
      labels.push_back((inputs.back() + 1) % alphabet);  // easy to learn, so that a wrong step would show
    }
    const Shape shape{sizes.batch, sizes.context};
    Tape tape;
    const Tensor loss = nn::cross_entropy(model(Indices(inputs, shape)), Indices(labels, shape));
    adam.zero_grad();
    tape.backward(loss);
    adam.step();
    return loss.item();
  };

  Json losses = Json::array();
  for (int i = 0; i < compared_steps; ++i) losses.push_back(step());
  std::vector<double> times;
  const double end = now() + seconds;
  do {
    const double start = now();
    step();
    times.push_back(now() - start);
  } while (now() < end);
  std::sort(times.begin(), times.end());
  const std::size_t n = times.size();
  return {{"seconds", times[n / 2]},
          {"lower_quartile", times[n / 4]},
          {"upper_quartile", times[3 * n / 4]},
          {"runs", n},
          {"losses", losses}};
}

}  // namespace

void time_training(const Json& cases) {
  for (const Json& about : cases.at("training")) {
    const Sizes sizes{about.at("context"), about.at("batch"), about.at("heads"), about.at("layers"),
                      about.at("k")};
    for (const Device device : {Device::cpu(), Device::cuda()}) {
      Json line = about;
      line["device"] = device.is_cpu() ? "cpu" : "cuda";
      print_measured("training", line,
                     [&] { return train(sizes, about.at("width"), device, cases.at("training_seconds")); });
    }
  }
}

}  // namespace bench
