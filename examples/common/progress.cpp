// The progress bar.
#include "progress.hpp"

#include "markup.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include <unistd.h>

namespace example {

Progress::Progress(std::int64_t done, std::int64_t total)
    : first_(done), total_(total), terminal_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  if (open_) std::fputc('\n', stderr);
}

double Progress::seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

void Progress::show(std::int64_t done, const Measure& measure) {
  const auto now = Clock::now();
  const double weight = std::max(1.0 / static_cast<double>(done - first_), 0.03);
  step_seconds_ += weight * (std::chrono::duration<double>(now - shown_).count() - step_seconds_);
  step_tokens_ += weight * (static_cast<double>(measure.tokens) - step_tokens_);
  shown_ = now;
  const bool last = done == total_;
  const auto pause = terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(10'000);
  if (!last && done != first_ + 1 && now - drawn_ < pause) return;
  drawn_ = now;

  const double left = std::ceil(step_seconds_ * static_cast<double>(total_ - done));
  constexpr std::int64_t width = 24;
  const auto filled = static_cast<std::size_t>(width * done / total_);
  const std::string bar = std::string(filled, '#') + std::string(width - filled, '.');
  // \033[K clears what is left of a longer line before.
  std::fprintf(stderr, "%s[%s] %lld/%lld  loss %.3f  accuracy %s  %s tokens/s  %s%s%s", terminal_ ? "\r" : "",
               bar.c_str(), static_cast<long long>(done), static_cast<long long>(total_), measure.loss,
               percent(measure.accuracy).c_str(),
               number(step_tokens_ / std::max(step_seconds_, 1e-9), 2).c_str(),
               duration(last ? seconds() : left).c_str(), last ? "" : " left", terminal_ ? "\033[K" : "\n");
  open_ = terminal_ && !last;
  if (terminal_ && last) std::fputc('\n', stderr);
  std::fflush(stderr);
}

}  // namespace example
