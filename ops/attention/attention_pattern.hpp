// attention_pattern: which keys a query may look at by its position, as Child et al. (Generating Long Sequences with
// Sparse Transformers, arXiv 1904.10509) have it. docs/ops/attention_pattern.md shows what each pattern looks like.
#pragma once

#include "../elementwise/comparison.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace taper {

namespace kernels {
struct Pass;
struct TileBits;
}  // namespace kernels

// With n queries and m keys, key j stands at j, and query i at p = i + m - n if attention is causal (the last query
// stands where the last key does), else at p = i. All patterns hold besides `causal` (j <= p) and any mask.

// The paper's two factors A^(1) and A^(2) of a pattern, for heads of their own, or their union in one head (section
// 5.2, "merged").
enum class Factor { merged, first, second };

// Keys less than `width` positions away: |p - j| < width. If attention is causal, these are the last `width`, the
// query's own among them.
struct Window {
  std::int64_t width;
};

// Section 4.3, "strided", with l = stride:
//   A^(1) = {j : |p - j| <= l},   A^(2) = {j : (p - j) mod l = 0}.
// The paper has j <= p in both, that is, causal attention, and takes l near the root of n.
struct Strided {
  std::int64_t stride;
  Factor factor = Factor::merged;
};

// Section 4.3, "fixed", with l = stride and c = summary:
//   A^(1) = {j : floor(j / l) = floor(p / l)},   A^(2) = {j : j mod l >= l - c}.
// The last c positions of each block of l sum it up for all that come later.
struct Fixed {
  std::int64_t stride;
  std::int64_t summary;
  Factor factor = Factor::merged;
};

// A bit a tile: query i may look at key j if the element (floor(i / block), floor(j / block)) of `seen` is 1. It
// counts queries, not their positions. `seen` has ceil(n / block) rows and ceil(m / block) columns.
struct BlockMask {
  std::int64_t block;
  Tensor seen;
};

// One pattern for all problems of a batch, or one for each head. The default shows everything.
class AttentionPattern {
 public:
  AttentionPattern() = default;
  // These throw, and name what is wrong, unless
  AttentionPattern(const Window& window);    // width >= 1,
  AttentionPattern(const Strided& strided);  // stride >= 1,
  AttentionPattern(const Fixed& fixed);      // 1 <= summary <= stride,
  AttentionPattern(const BlockMask& tiles);  // block >= 1 and `seen` is a matrix of 0 and 1 on any device.

  bool shows_everything() const { return heads_.empty(); }
  // 1, or how many patterns `per_head` was given.
  std::int64_t heads() const;
  // For the kernels: what each head sees. Throws in the name of `name` if tiles do not fit n and m.
  std::vector<std::vector<kernels::Pass>> passes(const char* name, std::int64_t n, std::int64_t m,
                                                 bool causal) const;

 private:
  friend AttentionPattern per_head(const std::vector<AttentionPattern>& patterns);

  struct Head {
    enum class Kind { everything, window, strided, fixed, tiles } kind = Kind::everything;
    std::int64_t length = 0, summary = 0;
    Factor factor = Factor::merged;
    std::shared_ptr<const kernels::TileBits> tiles = {};
  };
  explicit AttentionPattern(Head head) : heads_{std::move(head)} {}
  static std::vector<kernels::Pass> passes_of(const Head& head, const char* name, std::int64_t n,
                                              std::int64_t m, bool causal);

  std::vector<Head> heads_;
};

// A pattern for each head: problem b of a batch has pattern b mod patterns.size(). In the layers each head has its own
// (section 5.2, "multi-head"). Throws if there is none, or if one of them is itself such a list.
AttentionPattern per_head(const std::vector<AttentionPattern>& patterns);

// What a pattern shows, for scores (…, n, m) of rank 2 or more: 1 where the query may look at the key, else 0, of their
// shape, dtype and device. For a pattern per head, the problems are the matrices of scores in their order. `causal`
// hides j > p too. A constant: nothing is recorded. Throws if scores have fewer than two axes, if a block mask does not
// fit, or if the matrices of scores are no multiple of the pattern's heads.
Mask pattern_mask(const Tensor& scores, const AttentionPattern& pattern, bool causal = false);

}  // namespace taper
