// Batches: one shuffle an epoch, seeded by its number.
#include "batches.hpp"

#include "../core/fail.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace taper::nn {
namespace {

// SplitMix64's finaliser, a bijection of the 64-bit numbers in which each bit of z moves about half of all.
std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

Generator generator_of(std::uint64_t seed, std::uint64_t number) {
  // The odd constant is 2^64 / the golden ratio. Seed and number go through the mixer one after the other, so
  // that neither (seed, number + 1) nor (seed + 1, number) is a neighbour of this one.
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15;
  return Generator(mix(mix(seed + golden) + (number + 1) * golden));
}

Batches::Batches(std::int64_t count, std::int64_t batch_size, std::uint64_t seed)
    : count_(count), batch_size_(batch_size), seed_(seed) {
  if (count < 1) fail("Batches", "count must be at least 1, got ", count);
  if (batch_size < 1) fail("Batches", "batch_size must be at least 1, got ", batch_size);
  order_.resize(static_cast<std::size_t>(count));
}

// Fisher and Yates, as Knuth has it (The Art of Computer Programming 2, algorithm 3.4.2 P). std::shuffle
// would do the same, but its draws differ between standard libraries.
void Batches::shuffle(std::int64_t epoch) {
  Generator generator = generator_of(seed_, static_cast<std::uint64_t>(epoch));
  std::iota(order_.begin(), order_.end(), std::int64_t{0});
  for (std::size_t left = order_.size(); left > 1; --left) {
    const auto drawn = static_cast<std::size_t>(generator.uniform() * static_cast<double>(left));
    std::swap(order_[left - 1], order_[drawn]);
  }
  epoch_ = epoch;
}

std::vector<std::int64_t> Batches::operator()(std::int64_t step) {
  if (step < 0) fail("Batches", "step must not be negative, got ", step);
  const std::int64_t epoch = step / steps_per_epoch(), first = step % steps_per_epoch() * batch_size_;
  if (epoch != epoch_) shuffle(epoch);
  const std::int64_t last = first + std::min(batch_size_, count_ - first);
  return {order_.begin() + first, order_.begin() + last};
}

}  // namespace taper::nn
