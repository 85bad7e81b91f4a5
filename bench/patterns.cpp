// Taper's side of bench/patterns.py. Answers each line of standard input with a line of JSON:
//
//   OP PATTERN LENGTH N SECONDS   runs causal OP over N positions for so many seconds, replies with medians
//
// OP is sparse_attention or softmax_attention. PATTERN is everything, strided (LENGTH is the stride), fixed (LENGTH is
// the stride, an eighth of it the summary) or window (LENGTH is the width); d = 64, k = 16, float32, scores of
// deviation 1.
#include "clock.hpp"
#include <taper/core/create.hpp>
#include <taper/core/random.hpp>
#include <taper/core/tape.hpp>
#include <taper/ops/attention/sparse_attention.hpp>
#include <taper/ops/elementwise/mul.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/resource.h>

using namespace taper;
using bench::median, bench::now;

namespace {

constexpr std::int64_t width = 64, k = 16;

AttentionPattern pattern_of(const std::string& name, std::int64_t length) {
  if (name == "everything") return {};
  if (name == "strided") return Strided{length};
  if (name == "fixed") return Fixed{length, std::max<std::int64_t>(1, length / 8)};
  if (name == "window") return Window{length};
  throw std::invalid_argument("not a pattern: " + name);
}

void answer(const std::string& line) {
  std::istringstream words(line);
  std::string op, name;
  std::int64_t length = 0, n = 0;
  double seconds = 0;
  words >> op >> name >> length >> n >> seconds;
  const bool is_softmax = op == "softmax_attention";
  if (!words || (op != "sparse_attention" && !is_softmax))
    throw std::invalid_argument("not a request: " + line);
  const AttentionOptions options{.causal = true, .pattern = pattern_of(name, length)};
  const double amplitude = std::sqrt(1 / std::sqrt(static_cast<double>(width)));
  const Shape shape{1, n, width};
  std::vector<Tensor> inputs{randn(shape) * amplitude, randn(shape) * amplitude, randn(shape)};
  for (Tensor& input : inputs) input.requires_grad();
  const Tensor cotangent = randn(shape);
  std::vector<double> forward, backward, total;
  for (const double start = now(); total.size() < 2 || now() - start < seconds;) {
    const double begin = now();
    Tape tape;
    const Tensor y = is_softmax ? softmax_attention(inputs[0], inputs[1], inputs[2], options)
                                : sparse_attention(inputs[0], inputs[1], inputs[2], k, options);
    const double middle = now();
    const std::vector<Tensor> gradients = tape.gradient(y, inputs, {.cotangent = cotangent});
    const double end = now();
    forward.push_back(middle - begin), backward.push_back(end - middle), total.push_back(end - begin);
    if (total.size() == 1 && total[0] > seconds) break;  // else the first run warms up
  }
  if (total.size() > 1) {
    for (std::vector<double>* times : {&forward, &backward, &total}) times->erase(times->begin());
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("{\"forward\": %.6g, \"backward\": %.6g, \"total\": %.6g, \"runs\": %zu, \"peak_mib\": %ld}\n",
              median(forward), median(backward), median(total), total.size(), usage.ru_maxrss / 1024);
}

}  // namespace

int main() { return bench::answer_lines(answer); }
