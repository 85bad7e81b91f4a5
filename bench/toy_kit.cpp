// Taper's side of bench/toy_kit.py: what models of the first week are made of. Answers each line of standard
// input, "CASE SECONDS", with a line of JSON: the median time of the case's work, what it computed, and the
// bytes that it can't help reading and writing if that is its floor. bench/toy_kit_peers.py understands the
// same lines. To add a case, add it to cases() here, there if it has a peer, and to the list in toy_kit.py.
#include "clock.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace taper;

namespace {

// What is timed; it returns a number that shows what it computed.
struct Work {
  std::function<double()> run;
  double bytes = 0;
};

// The same numbers on both sides: element i of tensor k is deviation * sqrt(2) sin(i^2 + k).
Tensor numbers(const Shape& shape, int k, double deviation = 1) {
  Tensor x = zeros(shape);
  float* const elements = x.mutable_data<float>();
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const auto n = static_cast<double>(i % 10007);
    elements[i] = static_cast<float>(deviation * std::sqrt(2.0) * std::sin(n * n + k));
  }
  return x;
}

// Gives each parameter the numbers that its place in the list stands for.
void set_parameters(const nn::Module& model) {
  int k = 0;
  for (Tensor parameter : model.parameters()) {
    const Tensor values = numbers(parameter.shape(), ++k, 0.05);
    std::memcpy(parameter.mutable_data<float>(), values.data<float>(),
                static_cast<std::size_t>(values.size()) * sizeof(float));
  }
}

// A training step of LeNet with so many filters on 64 pictures of 28 x 28: forward, backward and Adam.
Work lenet(std::int64_t first, std::int64_t second) {
  nn::Sequential model{nn::Conv2d(1, first, 5, {.padding = 2}),
                       relu,
                       nn::MaxPool2d(2),
                       nn::Conv2d(first, second, 5),
                       relu,
                       nn::MaxPool2d(2),
                       nn::Flatten(),
                       nn::Linear(second * 25, 120),
                       relu,
                       nn::Linear(120, 84),
                       relu,
                       nn::Linear(84, 10)};
  set_parameters(model);
  auto adam = std::make_shared<optim::Adam>(model.parameters(), optim::AdamOptions{.learning_rate = 1e-4});
  const Tensor x = numbers({64, 1, 28, 28}, 0);
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < 64; ++i) labels.push_back(i % 10);
  return {[=, y = Indices(labels, {64})] {
    Tape tape;
    const Tensor loss = nn::cross_entropy(model(x), y);
    adam->zero_grad();
    tape.backward(loss);
    adam->step();
    return loss.item();
  }};
}

constexpr std::int64_t large = 64 * 64 * 64 * 64;  // elements

// The yardstick of what only reads and writes.
Work copy() {
  const Tensor x = numbers({large}, 0);
  auto y = std::make_shared<Tensor>(zeros({large}));
  return {[=] {
            const float* const from = x.data<float>();
            float* const to = y->mutable_data<float>();
            parallel_ranges(large, part_size, [=](std::int64_t begin, std::int64_t end) {
              std::copy(from + begin, from + end, to + begin);
            });
            return static_cast<double>(to[large - 1]);
          },
          2.0 * large * sizeof(float)};
}

// Windows of 2 x 2 over 4096 pictures of 64 x 64; backward reads the pictures once more if it needs them.
Work pool_forward(Tensor (*pool)(const Tensor&, const Size2d&, const Pool2dOptions&)) {
  const Tensor x = numbers({64, 64, 64, 64}, 0);
  return {[=] { return pool(x, 2, {}).at(0, 0, 0, 0); }, 1.25 * large * sizeof(float)};
}
Work pool_backward(Tensor (*pool)(const Tensor&, const Size2d&, const Pool2dOptions&), double arrays) {
  const Tensor x = numbers({64, 64, 64, 64}, 0).requires_grad();
  const auto tape = std::make_shared<Tape>();
  const Tensor y = pool(x, 2, {});
  const Tensor dy = ones(y.shape());
  return {[=] { return tape->gradient(y, {x}, {.keep_graph = true, .cotangent = dy})[0].at(0, 0, 0, 0); },
          arrays * large * sizeof(float)};
}

// A reduction, which reads everything once and writes little.
Work reduction(const Shape& shape, Tensor (*reduce)(const Tensor&, const Axes&, bool), const Axes& axes) {
  const Tensor x = numbers(shape, 0);
  return {[=] { return static_cast<double>(*reduce(x, axes, false).data<float>()); },
          static_cast<double>(x.size()) * sizeof(float)};
}
Tensor variance(const Tensor& x, const Axes& axes, bool keepdims) { return var(x, axes, keepdims); }

const std::map<std::string, std::function<Work()>>& cases() {
  const Shape matrix{4096, 4096}, pictures{64, 64, 64, 64};
  static const std::map<std::string, std::function<Work()>> table{
      {"copy", copy},
      {"lenet_6_16", [] { return lenet(6, 16); }},
      {"lenet_32_64", [] { return lenet(32, 64); }},
      {"max_pool2d", [] { return pool_forward(max_pool2d); }},
      {"max_pool2d_backward", [] { return pool_backward(max_pool2d, 2.25); }},
      {"avg_pool2d", [] { return pool_forward(avg_pool2d); }},
      {"avg_pool2d_backward", [] { return pool_backward(avg_pool2d, 1.25); }},
      {"sum_all", [=] { return reduction(matrix, sum, {}); }},
      {"sum_rows", [=] { return reduction(matrix, sum, 1); }},
      {"sum_columns", [=] { return reduction(matrix, sum, 0); }},
      {"sum_channels",
       [=] {
         return reduction(pictures, sum, {0, 2, 3});
       }},
      {"sum_short_rows",
       [] {
         return reduction({large / 16, 16}, sum, 1);
       }},
      {"sum_short_columns",
       [] {
         return reduction({large / 256, 16, 16}, sum, 1);
       }},
      {"max_all", [=] { return reduction(matrix, max, {}); }},
      {"max_columns", [=] { return reduction(matrix, max, 0); }},
      {"norm_all", [=] { return reduction(matrix, norm, {}); }},
      {"var_all", [=] { return reduction(matrix, variance, {}); }},
      {"var_rows", [=] { return reduction(matrix, variance, 1); }},
      {"var_columns", [=] { return reduction(matrix, variance, 0); }},
      {"var_channels",
       [=] {
         return reduction(pictures, variance, {0, 2, 3});
       }},
      {"logsumexp_rows", [=] { return reduction(matrix, logsumexp, 1); }},
  };
  return table;
}

// Times the work for about `seconds`, after a first run, which says what is computed.
void answer(const std::string& line) {
  std::istringstream words(line);
  std::string name;
  double seconds = 0;
  words >> name >> seconds;
  if (!words || !cases().contains(name)) throw std::invalid_argument("not a request: " + line);
  const Work work = cases().at(name)();
  const double value = work.run();
  std::vector<double> times;
  for (const double end = bench::now() + seconds; bench::now() < end || times.size() < 3;) {
    const double start = bench::now();
    work.run();
    times.push_back(bench::now() - start);
  }
  std::printf("{\"total\": %.6g, \"value\": %.8g, \"bytes\": %.0f}\n", bench::median(times), value,
              work.bytes);
}

}  // namespace

int main() { return bench::answer_lines(answer); }
