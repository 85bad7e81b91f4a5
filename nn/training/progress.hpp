// A progress bar on standard error: how far, what was measured, the speed and the time left. (No progress bar
// for C++ that is packaged for Debian can show more than a percentage: see docs/decisions.md.)
#pragma once

#include <cstdint>
#include <string>

namespace taper::training {

struct ProgressOptions {
  std::int64_t done = 0;       // how many of the steps were finished before
  std::string unit = "steps";  // what the speed counts: "tokens", "pictures"
  bool visible = true;         // false: draws nothing
};

class Progress {
 public:
  // The bar of `total` steps. Throws unless 0 <= done <= total and total > 0.
  explicit Progress(std::int64_t total, const ProgressOptions& options = {});
  // Ends the line of the bar if it was not drawn to its end.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `done` steps are finished; the last one went through so many units, and this is what it measured:
  // "loss 0.123". Draws at most ten times a second, or every ten seconds if standard error is no terminal.
  // Speed and time left follow the last few dozen steps. Throws unless `done` is larger than in the last call
  // and at most `total`.
  void show(std::int64_t done, const std::string& measured, std::int64_t units = 1);

  double seconds() const;  // since the bar began

 private:
  std::int64_t total_, first_, done_;
  std::string unit_;
  bool visible_, terminal_, open_ = false;
  double step_seconds_ = 0, step_units_ = 0;  // running means
  double start_, shown_, drawn_;              // in seconds of one clock
};

}  // namespace taper::training
