// Recurrent layers and BatchNorm, timed with Taper. bench/recurrent.py asks, a line for each: a layer, its width and
// for how many seconds. Its peer stands in that script.
#include "clock.hpp"
#include <taper/core/memory/transfer.hpp>
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

using namespace taper;

namespace {

constexpr std::int64_t batch = 64, steps = 20;

// amplitude * sin(1 + i + 100 * stream): the same starting numbers on both sides.
Tensor numbers(int stream, const Shape& shape, double amplitude) {
  Tensor result = zeros(shape);
  float* const out = result.mutable_data<float>();
  for (std::int64_t i = 0; i < result.size(); ++i)
    out[i] = static_cast<float>(amplitude * std::sin(1.0 + static_cast<double>(i) + 100.0 * stream));
  return result;
}

// What is timed, and two numbers that say whether both sides compute the same.
struct Work {
  std::function<void()> run;
  std::function<std::vector<double>()> check = [] { return std::vector<double>{}; };
};

// Forward and backward of loss = mean(y^2), with gradients for the parameters alone.
template <class Layer>
Work training(std::shared_ptr<Layer> layer, const Tensor& x) {
  int stream = 1;
  for (Tensor parameter : layer->parameters())
    internal::copy_elements(numbers(stream++, parameter.shape(), 0.1), parameter);
  const auto run = [=] {
    Tape tape;
    const Tensor loss = mean(square((*layer)(x)));
    layer->zero_grad();
    tape.backward(loss);
    return loss.item();
  };
  return {[=] { run(); },
          [=] {
            const double loss = run();
            double total = 0;
            for (const Tensor& parameter : layer->parameters()) total += sum(abs(parameter.grad())).item();
            return std::vector<double>{loss, total};
          }};
}

Work work_of(const std::string& name, std::int64_t width) {
  const Tensor x = numbers(0, {batch, steps, width}, 1);
  if (name == "rnn") return training(std::make_shared<nn::Rnn>(width, width), x);
  if (name == "gru") return training(std::make_shared<nn::Gru>(width, width), x);
  if (name == "lstm") return training(std::make_shared<nn::Lstm>(width, width), x);
  // 64 channels, of 56 x 56 elements in 64 examples (width 2), or 256 of 65536 examples (width 1).
  const Shape shape = width == 2 ? Shape{64, 64, 56, 56} : Shape{65536, 256};
  Tensor large = numbers(0, shape, 1).requires_grad();
  const Tensor gain = numbers(1, {shape[1]}, 1).requires_grad(), bias = zeros({shape[1]}).requires_grad();
  const Tensor dy = numbers(2, shape, 1);
  if (name == "copy") {
    Tensor to = zeros(shape);
    return {[=]() mutable {
      const float* const from = large.data<float>();
      float* const out = to.mutable_data<float>();
      parallel_ranges(large.size(), 1 << 18, [=](std::int64_t begin, std::int64_t end) {
        std::memcpy(out + begin, from + begin, static_cast<std::size_t>(end - begin) * sizeof(float));
      });
    }};
  }
  if (name == "batch_norm") return {[=] { batch_norm(large, gain, bias); }};
  return {[=] {  // batch_norm_both: and backward
    Tape tape;
    const BatchNormed result = batch_norm(large, gain, bias);
    tape.gradient(result.y, {large, gain, bias}, {.cotangent = dy});
  }};
}

}  // namespace

int main() {
  std::string name;
  std::int64_t width;
  double seconds;
  while (std::cin >> name >> width >> seconds) {
    const Work work = work_of(name, width);
    const std::vector<double> check = work.check();
    std::vector<double> times = bench::times_of(seconds, work.run);
    std::sort(times.begin(), times.end());
    std::printf("{\"median\": %.6g, \"best\": %.6g, \"check\": [", times[times.size() / 2], times[0]);
    for (std::size_t i = 0; i < check.size(); ++i) std::printf(i == 0 ? "%.8g" : ", %.8g", check[i]);
    std::printf("]}\n");
    std::fflush(stdout);
  }
}
