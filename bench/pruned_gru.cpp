// A pruned GRU that reads one sequence, timed with Taper. bench/pruned_gru.py asks, a line for each: dense or
// compressed, the width, the share of zeros, the steps of a call, and for how many seconds. Its peer stands in that
// script.
#include "clock.hpp"
#include <taper/core/memory/transfer.hpp>
#include <taper/taper.hpp>

#include <cmath>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

using namespace taper;

namespace {

// A hash of the place as a number from -1 to 1, 0 where another hash says so: the same numbers on both sides.
Tensor numbers(std::uint32_t stream, const Shape& shape, double zeros_share) {
  Tensor result = zeros(shape);
  float* const out = result.mutable_data<float>();
  for (std::int64_t i = 0; i < result.size(); ++i) {
    std::uint32_t hash = static_cast<std::uint32_t>(i) * 2654435761U + stream * 40503U;
    const auto next = [&hash] {
      hash ^= hash >> 16, hash *= 0x7feb352dU, hash ^= hash >> 15;
      return static_cast<double>(hash) / 4294967296.0;
    };
    const double value = 2 * next() - 1;
    out[i] = next() < zeros_share ? 0.F : static_cast<float>(value);
  }
  return result;
}

}  // namespace

int main() {
  std::string way;
  std::int64_t width, steps;
  double share, seconds;
  while (std::cin >> way >> width >> share >> steps >> seconds) {
    nn::Gru gru(width, width);
    std::uint32_t stream = 1;
    for (Tensor parameter : gru.parameters()) {
      const Tensor drawn = numbers(stream++, parameter.shape(), parameter.rank() == 2 ? share : 0);
      internal::copy_elements(drawn * (1 / std::sqrt(static_cast<double>(width))), parameter);
    }
    if (way == "compressed") gru.compress();
    const Tensor x = numbers(0, {1, steps, width}, 0);
    const auto run = [&](const Tensor& state) { return gru.run(x, {.state = state}).state; };
    Tensor state = zeros({1, 1, width});
    for (int i = 0; i < 3; ++i) state = run(state);
    const double check = sum(abs(state)).item();
    const double median = bench::median(bench::times_of(seconds, [&] { state = run(state); }));
    std::printf("{\"median\": %.6g, \"check\": %.8g}\n", median, check);
    std::fflush(stdout);
  }
}
