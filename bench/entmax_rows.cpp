// entmax, timed with Taper. bench/entmax_rows.py asks, a line for each: alpha, forward or both, the number of rows, their
// length, the deviation of the scores, and for how many seconds. Its peer stands in that script.
#include "clock.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <cstdio>
#include <iostream>
#include <string>

using namespace taper;

namespace {

// Normal scores from two sequences that fill the unit square evenly: the same on both sides.
Tensor scores(const Shape& shape, double deviation) {
  Tensor z = zeros(shape);
  for (std::int64_t i = 0; i < z.size(); ++i) {
    const double at = static_cast<double>(i + 1), whole = std::floor(at * 0.6180339887498949);
    const double u = at * 0.6180339887498949 - whole, v = at * 0.7548776662466927;
    z.mutable_data<float>()[i] =
        static_cast<float>(deviation * std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v));
  }
  return z;
}

}  // namespace

int main() {
  double alpha, deviation, seconds;
  std::string what;
  std::int64_t rows, n;
  while (std::cin >> alpha >> what >> rows >> n >> deviation >> seconds) {
    Tensor z = scores({rows, n}, deviation);
    const Tensor v = scores({rows, n}, 1);
    const auto forward = [&] { return entmax(z, alpha); };
    const auto both = [&] {
      Tape tape;
      return tape.gradient(entmax(z, alpha), {z}, {.cotangent = v})[0];
    };
    if (what == "both") z.requires_grad();
    const auto run = [&] { return what == "both" ? both() : forward(); };
    const double check = sum(square(run())).item();
    const double median = bench::median(bench::times_of(seconds, run));
    std::printf("{\"median\": %.6g, \"check\": %.8g}\n", median, check);
    std::fflush(stdout);
  }
}
