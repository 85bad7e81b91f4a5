// Wall time, and medians: what the programs that take turns with PyTorch share.
#pragma once

#include <algorithm>
#include <chrono>
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

}  // namespace bench
