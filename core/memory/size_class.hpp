// Size classes: which blocks of memory a pool treats as equally large, so that a freed one serves
// the next request.
#pragma once

#include <bit>
#include <cstddef>

namespace taper::internal {

struct SizeClass {
  int index;
  std::size_t bytes;  // what a block of this class holds
};

inline constexpr std::size_t small_limit = 1024;  // up to here the classes are the multiples of 64
inline constexpr int small_classes = small_limit / 64;
inline constexpr int class_count = small_classes + 4 * (64 - 10);

// Above 1 KiB there are four classes to a doubling, so that at most a fifth of a block is wasted.
constexpr SizeClass size_class(std::size_t bytes) {
  if (bytes <= small_limit) {
    const std::size_t units = bytes == 0 ? 1 : (bytes + 63) / 64;
    return {static_cast<int>(units) - 1, units * 64};
  }
  const int exponent = std::bit_width(bytes - 1);  // 2^(exponent - 1) < bytes <= 2^exponent
  const std::size_t quarter = std::size_t{1} << (exponent - 3);
  const std::size_t quarters = (bytes + quarter - 1) / quarter;  // 5 to 8
  return {small_classes + 4 * (exponent - 11) + static_cast<int>(quarters) - 5, quarters * quarter};
}

}  // namespace taper::internal
