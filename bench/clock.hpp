// Wall time, medians, and answers to lines of questions: what the programs that take turns with PyTorch share.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

namespace bench {

// Seconds since some moment.
inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Calls run() for a fifth of `seconds`, to warm up, and then for `seconds`, at least five times. The times of these.
template <class Run>
std::vector<double> times_of(double seconds, const Run& run) {
  for (const double end = now() + 0.2 * seconds; now() < end;) run();
  std::vector<double> times;
  for (const double end = now() + seconds; now() < end || times.size() < 5;) {
    const double before = now();
    run();
    times.push_back(now() - before);
  }
  return times;
}

// Calls answer(line), which prints a line, for each line of standard input. Returns the program's exit status: 1, with a
// message, if an answer throws.
template <class Answer>
int answer_lines(const Answer& answer) {
  try {
    for (std::string line; std::getline(std::cin, line);) {
      answer(line);
      std::fflush(stdout);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}

}  // namespace bench
