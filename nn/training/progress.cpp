// The bar is one line, drawn anew over itself in a terminal.
#include "progress.hpp"

#include "../../core/fail.hpp"
#include "format.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>

#include <unistd.h>

namespace taper::training {
namespace {

double now_in_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Progress::Progress(std::int64_t total, const ProgressOptions& options)
    : total_(total),
      first_(options.done),
      done_(options.done),
      unit_(options.unit),
      visible_(options.visible),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(now_in_seconds()),
      shown_(start_),
      drawn_(start_) {
  if (total < 1) fail("Progress", "wanted at least one step, got ", total);
  if (first_ < 0 || first_ > total) fail("Progress", first_, " steps were done before, of ", total);
}

Progress::~Progress() {
  if (open_) std::fputc('\n', stderr);
}

double Progress::seconds() const { return now_in_seconds() - start_; }

void Progress::show(std::int64_t done, const std::string& measured, std::int64_t units) {
  if (done <= done_ || done > total_) {
    fail("Progress", done, " steps are done, after ", done_, " before and of ", total_);
  }
  const double now = now_in_seconds();
  const auto steps = static_cast<double>(done - done_);
  const double weight = std::max(1.0 / static_cast<double>(done - first_), 0.03);
  step_seconds_ += weight * ((now - shown_) / steps - step_seconds_);
  step_units_ += weight * (static_cast<double>(units) - step_units_);
  const bool is_first = done_ == first_, is_last = done == total_;
  shown_ = now, done_ = done;
  const double pause = terminal_ ? 0.1 : 10;
  if (!visible_ || (!is_last && !is_first && now - drawn_ < pause)) return;
  drawn_ = now;

  const double left = std::ceil(step_seconds_ * static_cast<double>(total_ - done));
  constexpr std::int64_t width = 24;
  const auto filled = static_cast<std::size_t>(width * done / total_);
  const std::string bar = std::string(filled, '#') + std::string(width - filled, '.');
  // \033[K clears what is left of a longer line before.
  std::fprintf(stderr, "%s[%s] %lld/%lld  %s  %s %s/s  %s%s%s", terminal_ ? "\r" : "", bar.c_str(),
               static_cast<long long>(done), static_cast<long long>(total_), measured.c_str(),
               number(step_units_ / std::max(step_seconds_, 1e-9), 2).c_str(), unit_.c_str(),
               duration(is_last ? seconds() : left).c_str(), is_last ? "" : " left",
               terminal_ ? "\033[K" : "\n");
  open_ = terminal_ && !is_last;
  if (terminal_ && is_last) std::fputc('\n', stderr);
  std::fflush(stderr);
}

}  // namespace taper::training
