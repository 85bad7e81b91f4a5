// A progress bar on standard error: how far, the loss, the speed and the time left. (No C++ progress bar is
// packaged for Debian that can show more than a percentage: see docs/decisions.md.)
#pragma once

#include <chrono>
#include <cstdio>
#include <string>

#include <unistd.h>

namespace example {

class Progress {
 public:
  explicit Progress(int total) : total_(total) {}

  // `done` of the total are finished; draws at most ten times a second, and line by line where nobody
  // watches.
  void show(int done, double loss) {
    const auto now = Clock::now();
    const bool last = done == total_;
    const auto pause = terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(10'000);
    if (!last && now - drawn_ < pause) return;
    drawn_ = now;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const double speed = seconds > 0 ? done / seconds : 0;
    constexpr int width = 30;
    const int filled = width * done / total_;
    const std::string bar = std::string(filled, '#') + std::string(width - filled, '.');
    std::fprintf(stderr, "%s[%s] %d/%d  loss %.3f  %.0f steps/s  %.0f s left%s", terminal_ ? "\r" : "",
                 bar.c_str(), done, total_, loss, speed, speed > 0 ? (total_ - done) / speed : 0.0,
                 terminal_ ? (last ? " \n" : " ") : "\n");
    std::fflush(stderr);
  }

 private:
  using Clock = std::chrono::steady_clock;
  int total_;
  bool terminal_ = isatty(STDERR_FILENO) != 0;
  Clock::time_point start_ = Clock::now(), drawn_ = start_;
};

}  // namespace example
