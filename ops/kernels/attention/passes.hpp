// Passes: which keys a query may look at by its position. Each pass puts keys in an order in which what a query sees is one
// range. All patterns of attention_pattern.hpp (ops/attention/) take this form, which the kernels understand.
#pragma once

#include "../../../core/host_device.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace taper::kernels {

// x / y, rounded towards -infinity, for y > 0.
TAPER_HOST_DEVICE constexpr std::int64_t floor_divide(std::int64_t x, std::int64_t y) {
  return x >= 0 ? x / y : -((-x + y - 1) / y);
}

// A place among the keys that moves with the query's position p: floor(p / block) block + offset, or the offset
// alone if block is 0.
struct Edge {
  std::int64_t block = 0, offset = 0;

  TAPER_HOST_DEVICE std::int64_t at(std::int64_t p) const {
    return offset + (block == 0 ? 0 : floor_divide(p, block) * block);
  }
};

// A matrix of bits: query i may look at key j if that of (i / block, j / block) is 1. The bits of a row begin with a
// new word.
struct TileBits {
  std::int64_t block, rows, columns;
  std::vector<std::uint64_t> words;

  std::int64_t words_per_row() const { return (columns + 63) / 64; }
  bool operator()(std::int64_t row, std::int64_t column) const {
    return words[static_cast<std::size_t>(row * words_per_row() + column / 64)] >> column % 64 & 1;
  }
};

// Queries and keys in `classes` classes. A query of position p is in class p mod classes, and meets the keys of class
// r in ascending order, of which number s is
//   key(r, s) = offset + r + floor(s / run) stride + s mod run.
// It sees those of them that lie in [from, to), edges at p, and, if there are `tiles`, whose tile has a 1. From one
// query of a class to the next, neither edge goes back.
struct Pass {
  std::int64_t classes = 1, offset = 0, stride = 1, run = 1;
  Edge from = {}, to = {};
  const TileBits* tiles = nullptr;  // in the keys' own order only

  bool keeps_order() const { return stride == 1; }
  TAPER_HOST_DEVICE std::int64_t key(std::int64_t r, std::int64_t s) const {
    const std::int64_t past = stride == run ? s : s / run * stride + s % run;  // divisions take long
    return offset + r + past;
  }
  // How many keys of class r lie before key j.
  TAPER_HOST_DEVICE std::int64_t rank(std::int64_t r, std::int64_t j) const {
    const std::int64_t past = j - offset - r;
    if (past <= 0) return 0;
    const std::int64_t rest = past % stride;
    return past / stride * run + (rest < run ? rest : run);
  }
};

// What a query sees of n queries and m keys: all passes, none of which shows it a key that another one does. The keys
// of a pass come after those of the one before.
using Passes = std::vector<Pass>;

}  // namespace taper::kernels
