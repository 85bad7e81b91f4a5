// Batches: which examples each step of a training run sees.
#pragma once

#include "../core/random.hpp"

#include <cstdint>
#include <vector>

namespace taper::nn {

// A generator of its own for each number, a step of training for instance: its stream is a function of seed
// and number alone, so that a run which goes on from step t draws what it would have drawn, and has no state
// to keep. The two are hashed into one seed by SplitMix64's finaliser. Source: Steele, Lea and Flood, Fast
// Splittable Pseudorandom Number Generators (OOPSLA 2014), figure 16.
Generator generator_of(std::uint64_t seed, std::uint64_t number);

// Shuffled mini-batches. Each epoch goes through 0 … count - 1 in an order of its own, batch_size at a time;
// its last batch holds what is left. Which examples a step sees is a function of (seed, step) alone: to go on
// from a step takes no more than its number.
class Batches {
 public:
  // Throws unless count and batch_size are at least 1.
  Batches(std::int64_t count, std::int64_t batch_size, std::uint64_t seed);

  // The examples of a step, counted from 0 over all epochs. The order of the epoch asked for last is kept, so
  // that an epoch costs one shuffle. Throws if step is negative.
  std::vector<std::int64_t> operator()(std::int64_t step);

  // ceil(count / batch_size).
  std::int64_t steps_per_epoch() const { return 1 + (count_ - 1) / batch_size_; }

 private:
  void shuffle(std::int64_t epoch);

  std::int64_t count_, batch_size_;
  std::uint64_t seed_;
  std::int64_t epoch_ = -1;  // whose order it is
  std::vector<std::int64_t> order_;
};

}  // namespace taper::nn
