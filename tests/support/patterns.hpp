// Patterns of attention for tests, each with its definition as it stands in the paper.
#pragma once

#include "support/helpers.hpp"
#include "support/random_cases.hpp"
#include <taper/core/create.hpp>
#include <taper/ops/attention/attention_pattern.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace taper::test {

// What shows(i, p, j) says: may query i, which stands at p, look at key j?
struct PatternCase {
  std::string name;
  AttentionPattern pattern;
  std::function<bool(std::int64_t i, std::int64_t p, std::int64_t j)> shows;
};

inline std::int64_t distance(std::int64_t p, std::int64_t j) { return p < j ? j - p : p - j; }
// floor(x / l) and x mod l for any sign of x.
inline std::int64_t block_of(std::int64_t x, std::int64_t l) { return (x - ((x % l) + l) % l) / l; }
inline std::int64_t place_of(std::int64_t x, std::int64_t l) { return x - block_of(x, l) * l; }

inline PatternCase everything_case() {
  return {"everything", {}, [](auto, auto, auto) { return true; }};
}

inline PatternCase window_case(std::int64_t width) {
  return {"window " + std::to_string(width), Window{width},
          [=](auto, std::int64_t p, std::int64_t j) { return distance(p, j) < width; }};
}

inline PatternCase strided_case(std::int64_t l, Factor factor) {
  return {"strided " + std::to_string(l) + " factor " + std::to_string(static_cast<int>(factor)),
          Strided{l, factor}, [=](auto, std::int64_t p, std::int64_t j) {
            const bool first = distance(p, j) <= l, second = distance(p, j) % l == 0;
            return factor == Factor::merged ? first || second : factor == Factor::first ? first : second;
          }};
}

inline PatternCase fixed_case(std::int64_t l, std::int64_t c, Factor factor) {
  return {"fixed " + std::to_string(l) + " " + std::to_string(c) + " factor " +
              std::to_string(static_cast<int>(factor)),
          Fixed{l, c, factor}, [=](auto, std::int64_t p, std::int64_t j) {
            const bool first = block_of(p, l) == block_of(j, l), second = j % l >= l - c;
            return factor == Factor::merged ? first || second : factor == Factor::first ? first : second;
          }};
}

// Tiles of `block` with a 1 in element r, c of `seen` (rows x columns) if it is not 0.
inline PatternCase tiles_case(std::int64_t block, const Tensor& seen) {
  return {"tiles of " + std::to_string(block), BlockMask{block, seen},
          [block, bits = seen.to_vector(), columns = seen.extent(1)](std::int64_t i, auto, std::int64_t j) {
            return bits[static_cast<std::size_t>(i / block * columns + j / block)] != 0;
          }};
}

// (b, n, m): 1 where a query may look, problem by problem one case after the other.
inline Tensor dense_mask(const std::vector<PatternCase>& heads, const Shape& scores, bool causal) {
  std::vector<double> mask;
  for (std::int64_t b = 0; b < scores[0]; ++b) {
    const PatternCase& head = heads[static_cast<std::size_t>(b) % heads.size()];
    for (std::int64_t i = 0; i < scores[1]; ++i) {
      const std::int64_t p = causal ? i + scores[2] - scores[1] : i;
      for (std::int64_t j = 0; j < scores[2]; ++j)
        mask.push_back((!causal || j <= p) && head.shows(i, p, j) ? 1 : 0);
    }
  }
  return tensor(mask, scores);
}

// Draws patterns for n queries and m keys.
class RandomPatterns : protected RandomCases {
 protected:
  PatternCase random_pattern(std::int64_t n, std::int64_t m) {
    const std::int64_t most = std::max(n, m) + 3;
    const auto length = [&] { return integer(1, one_of({std::min<std::int64_t>(most, 9), most})); };
    const Factor factor = one_of({Factor::merged, Factor::merged, Factor::first, Factor::second});
    switch (integer(0, 6)) {
      case 0:
        return everything_case();
      case 1:
        return window_case(length());
      case 2:
      case 3:
        return strided_case(length(), factor);
      case 4: {
        const std::int64_t block = one_of<std::int64_t>({1, 5, 16, 33, 64});
        const double density = one_of({0.05, 0.4, 0.9});
        const Shape tiles{(n + block - 1) / block, (m + block - 1) / block};
        return tiles_case(block, filled(tiles, float32, [&] { return chance(density) ? 1. : 0.; }));
      }
      default: {
        const std::int64_t l = length();
        return fixed_case(l, integer(1, l), factor);
      }
    }
  }
};

}  // namespace taper::test
