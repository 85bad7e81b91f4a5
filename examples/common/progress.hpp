// A progress bar on standard error: how far, the loss, the accuracy, the speed and the time left. (No
// progress bar for C++ that is packaged for Debian can show more than a percentage: see docs/decisions.md.)
#pragma once

#include <chrono>
#include <cstdint>

namespace example {

// How well a model does: the mean loss, and the share of right answers, over so many tokens.
struct Measure {
  double loss = 0, accuracy = 0;
  std::int64_t tokens = 0;
};

class Progress {
 public:
  // The bar of `total` steps; `done` of them were finished before.
  Progress(std::int64_t done, std::int64_t total);
  // Ends the line of the bar if it was not drawn to its end.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `done` steps are finished, and the last one measured this. Draws at most ten times a second, or every ten
  // seconds if nobody watches. Speed and time left follow the last few dozen steps.
  void show(std::int64_t done, const Measure& measure);

  double seconds() const;  // since the bar began

 private:
  using Clock = std::chrono::steady_clock;
  std::int64_t first_, total_;
  bool terminal_, open_ = false;
  double step_seconds_ = 0, step_tokens_ = 0;  // running means
  Clock::time_point start_ = Clock::now(), shown_ = start_, drawn_ = start_;
};

}  // namespace example
