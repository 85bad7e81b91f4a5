// attention_pattern: each pattern as passes over the keys, and as a mask.
#include "attention_pattern.hpp"

#include "../../core/fail.hpp"
#include "../kernels/attention/pass_mask.hpp"

#include <algorithm>
#include <utility>

namespace taper {
namespace {

using kernels::Edge, kernels::Pass, kernels::Passes;

void check_factor(const char* name, Factor factor) {
  if (factor != Factor::merged && factor != Factor::first && factor != Factor::second) {
    fail(name, "factor must be merged, first or second, got ", static_cast<int>(factor));
  }
}

}  // namespace

AttentionPattern::AttentionPattern(const Window& window)
    : AttentionPattern(Head{.kind = Head::Kind::window, .length = window.width}) {
  if (window.width < 1) fail("Window", "width must be at least 1, got ", window.width);
}

AttentionPattern::AttentionPattern(const Strided& strided)
    : AttentionPattern(
          Head{.kind = Head::Kind::strided, .length = strided.stride, .factor = strided.factor}) {
  if (strided.stride < 1) fail("Strided", "stride must be at least 1, got ", strided.stride);
  check_factor("Strided", strided.factor);
}

AttentionPattern::AttentionPattern(const Fixed& fixed)
    : AttentionPattern(Head{.kind = Head::Kind::fixed,
                            .length = fixed.stride,
                            .summary = fixed.summary,
                            .factor = fixed.factor}) {
  if (fixed.stride < 1) fail("Fixed", "stride must be at least 1, got ", fixed.stride);
  if (fixed.summary < 1 || fixed.summary > fixed.stride) {
    fail("Fixed", "summary must be from 1 to the stride, ", fixed.stride, ", got ", fixed.summary);
  }
  check_factor("Fixed", fixed.factor);
}

AttentionPattern::AttentionPattern(const BlockMask& mask) {
  check_given("BlockMask", "seen", mask.seen);
  if (mask.block < 1) fail("BlockMask", "block must be at least 1, got ", mask.block);
  if (mask.seen.rank() != 2) fail("BlockMask", "seen must be a matrix, got ", mask.seen.shape());
  kernels::TileBits tiles{mask.block, mask.seen.extent(0), mask.seen.extent(1), {}};
  tiles.words.resize(static_cast<std::size_t>(tiles.rows * tiles.words_per_row()));
  const std::vector<double> seen = mask.seen.to_vector();
  for (std::int64_t i = 0; i < mask.seen.size(); ++i) {
    const double element = seen[static_cast<std::size_t>(i)];
    if (element != 0 && element != 1) fail("BlockMask", "seen must consist of 0 and 1, got ", element);
    const std::int64_t row = i / tiles.columns, column = i % tiles.columns;
    tiles.words[static_cast<std::size_t>(row * tiles.words_per_row() + column / 64)] |=
        std::uint64_t{element == 1} << column % 64;
  }
  heads_.push_back(
      {.kind = Head::Kind::tiles, .tiles = std::make_shared<const kernels::TileBits>(std::move(tiles))});
}

std::int64_t AttentionPattern::heads() const {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(heads_.size()));
}

AttentionPattern per_head(const std::vector<AttentionPattern>& patterns) {
  if (patterns.empty()) fail("per_head", "wanted a pattern for each head, got none");
  AttentionPattern result;
  for (const AttentionPattern& pattern : patterns) {
    if (pattern.heads() > 1) fail("per_head", "a head has one pattern, got a list of ", pattern.heads());
    result.heads_.push_back(pattern.shows_everything() ? AttentionPattern::Head{} : pattern.heads_[0]);
  }
  return result;
}

// A key that both factors show belongs to the first, so that the second one's passes lie before and after it.
Passes AttentionPattern::passes_of(const Head& head, const char* name, std::int64_t n, std::int64_t m,
                                   bool causal) {
  using Kind = Head::Kind;
  // Whatever is longer than all queries and keys is like what is a little longer.
  const std::int64_t l = std::min(head.length, std::max(n, m) + 1);
  const Edge first{0, 0}, last{0, m};
  Pass own;  // of the first factor
  Pass far;  // of the second one
  switch (head.kind) {
    case Kind::everything:
      return {{.from = first, .to = last}};
    case Kind::window:
      return {{.from = {1, 1 - l}, .to = {1, l}}};
    case Kind::tiles: {
      const kernels::TileBits& tiles = *head.tiles;
      const auto tiles_of = [&](std::int64_t count) {
        return count / tiles.block + (count % tiles.block != 0);
      };
      if (tiles.rows != tiles_of(n) || tiles.columns != tiles_of(m)) {
        fail(name, "a BlockMask for ", n, " queries and ", m, " keys in blocks of ", tiles.block, " must be ",
             Shape{tiles_of(n), tiles_of(m)}, ", got ", Shape{tiles.rows, tiles.columns});
      }
      return {{.from = first, .to = last, .tiles = &tiles}};
    }
    case Kind::strided:
      own = {.from = {1, -l}, .to = {1, l + 1}};
      far = {.classes = l, .stride = l};
      break;
    case Kind::fixed:
      own = {.from = {l, 0}, .to = {l, l}};
      far.offset = std::min(head.length - head.summary, l - 1);
      far.stride = l, far.run = l - far.offset;
      break;
  }
  if (head.factor == Factor::first) return {own};
  far.from = first, far.to = last;
  if (head.factor == Factor::second) return {far};
  // Passes in which no query sees a key are left out. The last query sees most before its own, the first one after.
  const std::int64_t first_position = causal ? m - n : 0, last_position = first_position + n - 1;
  Passes passes;
  if (own.from.at(last_position) > 0) passes.push_back(far), passes.back().to = own.from;
  passes.push_back(own);
  if (!causal && own.to.at(first_position) < m) passes.push_back(far), passes.back().from = own.to;
  return passes;
}

std::vector<Passes> AttentionPattern::passes(const char* name, std::int64_t n, std::int64_t m,
                                             bool causal) const {
  std::vector<Passes> all;
  for (const Head& head : heads_) all.push_back(passes_of(head, name, n, m, causal));
  return all;
}

Mask pattern_mask(const Tensor& scores, const AttentionPattern& pattern, bool causal) {
  check_given("pattern_mask", "scores", scores);
  if (scores.rank() < 2) fail("pattern_mask", "scores must be (…, queries, keys), got ", scores.shape());
  const std::int64_t problems =
      element_count("pattern_mask", Shape(scores.shape().data(), scores.rank() - 2));
  if (problems % pattern.heads() != 0) {
    fail("pattern_mask", "the pattern has ", pattern.heads(), " heads, which do not divide the ", problems,
         " matrices of scores ", scores.shape());
  }
  return Mask(kernels::pass_mask("pattern_mask",
                                 pattern.passes("pattern_mask", scores.extent(-2), scores.extent(-1), causal),
                                 causal, scores.shape(), scores.kind()));
}

}  // namespace taper
