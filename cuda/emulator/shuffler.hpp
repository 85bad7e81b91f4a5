// The order in which blocks and threads run: drawn anew in each process, or given by TAPER_EMULATOR_SEED.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <utility>
#include <vector>

namespace cuda_emulator {

// This process's seed. The first call prints it, unless it was given.
inline std::uint64_t seed() {
  static const std::uint64_t value = [] {
    if (const char* wish = std::getenv("TAPER_EMULATOR_SEED")) return std::strtoull(wish, nullptr, 10);
    const unsigned long long drawn = std::random_device()();
    std::fprintf(stderr, "CUDA emulator: TAPER_EMULATOR_SEED=%llu\n", drawn);
    return drawn;
  }();
  return value;
}

// Shuffles by xorshift64*: good enough for that, and fast.
class Shuffler {
 public:
  explicit Shuffler(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u | 1) {}

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::size_t below(std::size_t n) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<std::size_t>(((state_ * 0x2545f4914f6cdd1du) >> 32) * n >> 32);
  }
  std::uint64_t state_;
};

}  // namespace cuda_emulator
