// Positional encodings: what tells attention where in a sequence a vector stands. (The third kind, rotary, is
// an option of MultiHeadSparseAttention, because it turns queries and keys.)
#pragma once

#include "../../core/random.hpp"
#include "../module.hpp"

namespace taper::nn {

// y[…, i, :] = x[…, i, :] + table[i, :], with x (…, n, width) and a learned table (count, width) that starts
// standard normal, as Embedding's does.
class LearnedPositions : public Module {
 public:
  // Throws unless count and width are at least 1.
  LearnedPositions(std::int64_t count, std::int64_t width, Generator& generator, DType dtype = float32);
  LearnedPositions(std::int64_t count, std::int64_t width, DType dtype = float32)
      : LearnedPositions(count, width, default_generator(), dtype) {}

  // Throws if x has fewer than two axes, more than count positions, or another width or dtype.
  Tensor operator()(const Tensor& x) const;
  void list(Parts& parts) const override;

  Tensor table;
};

// A constant table (n, width) that is added to x (…, n, width):
//   P[i, 2j] = sin(i / 10000^(2j / width)),   P[i, 2j + 1] = cos(i / 10000^(2j / width)).
// Throws unless n is at least 0 and width is positive and even.
// Source: Vaswani et al., arXiv 1706.03762, section 3.5.
Tensor sinusoidal_positions(std::int64_t n, std::int64_t width, Kind kind = float32);

}  // namespace taper::nn
