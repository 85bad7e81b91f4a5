// Progress on a terminal, or through the caller's function.
#include "progress.hpp"

#include <cstdio>

#include <unistd.h>

namespace taper::gradcheck_detail {

void Progress::show(double done) {
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(200);
  if (callback_) return callback_(done);
  if (!isatty(STDERR_FILENO)) return;
  std::fprintf(stderr, "\rgradcheck: %3.0f %%", 100 * done);
  drawn_ = true;
}

Progress::~Progress() {
  if (drawn_) std::fputs("\r                \r", stderr);
}

}  // namespace taper::gradcheck_detail
