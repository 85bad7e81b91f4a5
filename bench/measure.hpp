// What the timed C++ programs have in common: the model's starting numbers, the clock, and the line of JSON
// that bench/small_steps.py reads. Knows neither Taper nor libtorch. bench/toy_step.py is the same in Python.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <time.h>

namespace bench {

// The toy model: queries, keys and values of shape (batch, tokens, width), k keys a query.
inline constexpr int batch = 2, tokens = 3, width = 5, k = 2;
inline constexpr double learning_rate = 1e-3;
inline constexpr int checked_steps = 1000;  // after so many steps the programs compare their losses
inline constexpr int chain_length = 1000;   // scalar products between two backwards

// amplitude * sin(1 + i + 100 * stream) for i = 0 … count - 1: the same starting numbers in every program.
// The streams are 0 to 3 for queries, keys, values and target; 4 to 7 for the weights (inputs, outputs) of
// the q, k, v and output layers; 8 to 11 for their biases.
inline std::vector<float> numbers(int stream, int count, double amplitude) {
  std::vector<float> result;
  for (int i = 0; i < count; ++i) {
    result.push_back(static_cast<float>(amplitude * std::sin(1.0 + i + 100.0 * stream)));
  }
  return result;
}

struct Timing {
  double lower_quartile, median, upper_quartile;  // microseconds for one unit of work
  std::size_t batches;
};

// Processor time of this process in seconds. For one thread that waits for nothing it equals wall time on a
// quiet machine; on a busy one it leaves out the time that other programs had.
inline double processor_seconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Runs `work`, which does `units` units, over and over for `seconds`, and takes the quartiles of its times.
template <class Work>
Timing time_batches(double seconds, int units, Work work) {
  for (const double start = processor_seconds(); processor_seconds() < start + 0.2 * seconds;)
    work();  // warm-up
  std::vector<double> times;
  const double start = processor_seconds();
  for (double before = start; before < start + seconds || times.size() < 5;) {
    work();
    const double after = processor_seconds();
    times.push_back(1e6 * (after - before) / units);
    before = after;
  }
  std::sort(times.begin(), times.end());
  const std::size_t n = times.size();
  return {times[n / 4], times[n / 2], times[3 * n / 4], n};
}

inline void print(const char* name, const Timing& timing) {
  std::printf(
      "\"%s\": {\"lower_quartile\": %.5g, \"median\": %.5g, \"upper_quartile\": %.5g, \"batches\": %zu}",
      name, timing.lower_quartile, timing.median, timing.upper_quartile, timing.batches);
}

// The command line: [--only toy_step|scalar_node] [--seconds S].
struct Options {
  bool toy_step = true, scalar_node = true;
  double seconds = 1;
};
inline Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--seconds") == 0) options.seconds = std::atof(argv[i + 1]);
    if (std::strcmp(argv[i], "--only") == 0) {
      options.toy_step = std::strcmp(argv[i + 1], "toy_step") == 0;
      options.scalar_node = !options.toy_step;
    }
  }
  return options;
}

// Both measurements, as one line of JSON. `step` does one training step and returns its loss; `chain`
// multiplies chain_length times, runs backward and returns dx/dy, which is chain_length because all factors
// are 1.
template <class Step, class Chain>
void run(const Options& options, Step step, Chain chain) {
  constexpr int steps = 20;
  std::printf("{\"seconds\": %g", options.seconds);
  if (options.toy_step) {
    double loss = 0;
    for (int i = 0; i < checked_steps; ++i) loss = step();
    const Timing timing = time_batches(options.seconds, steps, [&] {
      for (int i = 0; i < steps; ++i) step();
    });
    std::printf(", \"loss\": %.9g, ", loss);
    print("toy_step", timing);
  }
  if (options.scalar_node) {
    const double gradient = chain();
    const Timing timing = time_batches(options.seconds, chain_length, chain);
    std::printf(", \"gradient\": %.9g, ", gradient);
    print("scalar_node", timing);
  }
  std::printf("}\n");
}

}  // namespace bench
