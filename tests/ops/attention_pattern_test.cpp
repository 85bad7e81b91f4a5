// Patterns of attention: what they show, by their definitions; how many scores the kernel computes; errors.
#include "support/attention.hpp"
#include "support/patterns.hpp"
#include <taper/ops/kernels/attention/score_strips.hpp>
#include <taper/ops/kernels/attention/select_keys.hpp>
#include <taper/taper.hpp>

#include <cmath>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

class Patterns : public testing::Test, protected RandomPatterns {};

// Where the kernel would compute scores for the pairs that shows(t, s) names, of `queries` and `keys` in its order.
std::int64_t strips_of(std::int64_t queries, std::int64_t keys,
                       const std::function<bool(std::int64_t, std::int64_t)>& shows) {
  std::int64_t strips = 0;
  for (std::int64_t t0 = 0; t0 < queries; t0 += kernels::score_group) {
    for (std::int64_t s0 = 0; s0 < keys; s0 += kernels::score_strip) {
      bool any = false;
      for (std::int64_t t = t0; t < std::min(t0 + kernels::score_group, queries); ++t) {
        for (std::int64_t s = s0; s < std::min(s0 + kernels::score_strip, keys); ++s) any |= shows(t, s);
      }
      strips += any;
    }
  }
  return strips;
}

std::int64_t computed(const AttentionPattern& pattern, std::int64_t n, std::int64_t m, bool causal) {
  kernels::SparsePattern kept(Device::cpu(), 1, n, m, std::min<std::int64_t>(3, m));
  kernels::Visibility visibility{causal, {}, pattern.passes("test", n, m, causal)};
  return kernels::select_keys(randn({1, n, 5}), randn({1, m, 5}), 1, visibility, kept).strips;
}

TEST_F(Patterns, MaskIsTheDefinition) {
  for (int round = 0; round < 200; ++round) {
    const std::int64_t n = integer(1, 70), m = integer(1, 90);
    const PatternCase one = random_pattern(n, m);
    SCOPED_TRACE(one.name);
    for (const bool causal : {false, true}) {
      SCOPED_TRACE(causal ? "causal" : "both ways");
      expect_same(pattern_mask(zeros({1, n, m}), one.pattern, causal), dense_mask({one}, {1, n, m}, causal));
    }
    if (HasFailure()) return;
  }
}

// In the keys' own order: groups of 6 queries and 16 keys, of which one pair at least is shown.
TEST_F(Patterns, ComputesTheStripsThatArePartlyShown) {
  for (int round = 0; round < 60; ++round) {
    const std::int64_t n = integer(1, 150), m = integer(1, 2300), l = integer(1, 150), block = integer(1, 80);
    const Tensor bits = filled({(n + block - 1) / block, (m + block - 1) / block}, float32,
                               [&] { return chance(0.2) ? 1. : 0.; });
    for (const PatternCase& one : {everything_case(), window_case(l), strided_case(l, Factor::first),
                                   fixed_case(l, 1, Factor::first), tiles_case(block, bits)}) {
      SCOPED_TRACE(one.name);
      for (const bool causal : {false, true}) {
        const std::int64_t shift = causal ? m - n : 0;
        EXPECT_EQ(computed(one.pattern, n, m, causal), strips_of(n, m, [&](std::int64_t i, std::int64_t j) {
                    return (!causal || j <= i + shift) && one.shows(i, i + shift, j);
                  }));
      }
    }
    if (HasFailure()) return;
  }
}

// Far keys of the strided pattern: the queries and keys of each residue class by themselves. Its own: in their order.
TEST_F(Patterns, ComputesTheStripsOfEachClass) {
  for (int round = 0; round < 60; ++round) {
    const std::int64_t n = integer(1, 300), m = integer(1, 400), l = integer(1, 40);
    for (const bool causal : {false, true}) {
      const std::int64_t shift = causal ? m - n : 0;
      std::int64_t before = 0, after = 0, both = 0;
      for (std::int64_t r = 0; r < l; ++r) {
        std::vector<std::int64_t> queries, keys;
        for (std::int64_t i = 0; i < n; ++i) {
          if (place_of(i + shift, l) == r) queries.push_back(i + shift);
        }
        for (std::int64_t j = r; j < m; j += l) keys.push_back(j);
        const auto count = [&](const std::function<bool(std::int64_t p, std::int64_t j)>& shows) {
          return strips_of(static_cast<std::int64_t>(queries.size()), static_cast<std::int64_t>(keys.size()),
                           [&](std::int64_t t, std::int64_t s) {
                             const std::int64_t p = queries[static_cast<std::size_t>(t)];
                             const std::int64_t j = keys[static_cast<std::size_t>(s)];
                             return (!causal || j <= p) && shows(p, j);
                           });
        };
        before += count([l](std::int64_t p, std::int64_t j) { return j < p - l; });
        after += count([l](std::int64_t p, std::int64_t j) { return j > p + l; });
        both += count([](std::int64_t, std::int64_t) { return true; });
      }
      const std::int64_t own = computed(Strided{l, Factor::first}, n, m, causal);
      EXPECT_EQ(computed(Strided{l}, n, m, causal), before + own + after) << n << ' ' << m << ' ' << l;
      EXPECT_EQ(computed(Strided{l, Factor::second}, n, m, causal), both) << n << ' ' << m << ' ' << l;
    }
    if (HasFailure()) return;
  }
}

// The summaries of all blocks lie side by side, for all queries.
TEST_F(Patterns, ComputesTheStripsOfSummaries) {
  for (int round = 0; round < 60; ++round) {
    const std::int64_t n = integer(1, 300), m = integer(1, 400), l = integer(1, 60), c = integer(1, l);
    for (const bool causal : {false, true}) {
      const std::int64_t shift = causal ? m - n : 0;
      std::vector<std::int64_t> keys;
      for (std::int64_t j = 0; j < m; ++j) {
        if (j % l >= l - c) keys.push_back(j);
      }
      const auto count = [&](const std::function<bool(std::int64_t p, std::int64_t j)>& shows) {
        return strips_of(n, static_cast<std::int64_t>(keys.size()), [&](std::int64_t i, std::int64_t s) {
          const std::int64_t j = keys[static_cast<std::size_t>(s)];
          return (!causal || j <= i + shift) && shows(i + shift, j);
        });
      };
      const std::int64_t before =
          count([l](std::int64_t p, std::int64_t j) { return j / l < block_of(p, l); });
      const std::int64_t after =
          count([l](std::int64_t p, std::int64_t j) { return j / l > block_of(p, l); });
      EXPECT_EQ(computed(Fixed{l, c}, n, m, causal),
                before + computed(Fixed{l, c, Factor::first}, n, m, causal) + after)
          << n << ' ' << m << ' ' << l << ' ' << c;
      EXPECT_EQ(computed(Fixed{l, c, Factor::second}, n, m, causal),
                count([](std::int64_t, std::int64_t) { return true; }))
          << n << ' ' << m << ' ' << l << ' ' << c;
    }
    if (HasFailure()) return;
  }
}

// A NaN that no query may look at spoils nothing; one that a query may look at spoils its row.
TEST_F(Patterns, HiddenNanCountsForNothing) {
  const std::int64_t n = 60;
  Tensor keys = randn({1, n, 4}, generator, float64);
  const Tensor queries = randn({1, n, 4}, generator, float64), values = randn({1, n, 2}, generator, float64);
  const AttentionOptions options{.causal = true, .pattern = Strided{7}};
  const Tensor clean = sparse_attention(queries, keys, values, 3, options);
  keys.mutable_data<double>()[10 * 4] = std::numeric_limits<double>::quiet_NaN();  // key 10
  const Tensor spoiled = sparse_attention(queries, keys, values, 3, options);
  for (std::int64_t i = 0; i < n; ++i) {
    const bool sees = i >= 10 && (i - 10 <= 7 || (i - 10) % 7 == 0);
    for (std::int64_t c = 0; c < 2; ++c) {
      const double found = spoiled.data<double>()[2 * i + c];
      EXPECT_EQ(std::isnan(found), sees) << "query " << i;
      if (!sees) {
        EXPECT_EQ(found, clean.data<double>()[2 * i + c]);
      }
    }
  }
}

// A trace's log of tiles knows what was computed under a pattern.
TEST_F(Patterns, TheTraceSaysWhichTilesAreHidden) {
  const std::int64_t n = 3000;
  const Tensor queries = randn({1, n, 4}, generator).requires_grad(), keys = randn({1, n, 4}, generator);
  Tape tape({.keep_values = true});
  sparse_attention(queries, keys, keys, 3, {.causal = true, .pattern = Window{100}});
  kernels::SparsePattern kept(Device::cpu(), 1, n, n, 3);
  kernels::select_keys(queries, keys, 1, {true, {}, AttentionPattern(Window{100}).passes("test", n, n, true)},
                       kept);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t tile = 0; tile < kept.tiles(); ++tile) {
      const std::int64_t first = tile * kernels::SparsePattern::keys_per_tile;
      const bool is_seen = first <= i && first + kernels::SparsePattern::keys_per_tile > i - 99;
      ASSERT_EQ(kept.tile_log[i * kept.tiles() + tile] != kernels::SparsePattern::Tile::hidden, is_seen)
          << "query " << i << ", tile " << tile;
    }
  }
}

TEST_F(Patterns, ErrorsSayWhatIsWrong) {
  const auto call = [](const AttentionPattern& pattern) {
    return [=] {
      sparse_attention(zeros({4, 6, 2}), zeros({4, 6, 2}), zeros({4, 6, 2}), 2, {.pattern = pattern});
    };
  };
  expect_error("Window", [] { AttentionPattern(Window{0}); }, {"width", "at least 1", "got 0"});
  expect_error("Strided", [] { AttentionPattern(Strided{-2}); }, {"stride", "at least 1", "got -2"});
  expect_error("Fixed", [] { AttentionPattern(Fixed{0, 1}); }, {"stride", "got 0"});
  expect_error("Fixed", [] { AttentionPattern(Fixed{8, 9}); }, {"summary", "8", "got 9"});
  expect_error("Fixed", [] { AttentionPattern(Fixed{8, 0}); }, {"summary", "got 0"});
  expect_error("BlockMask", [] { AttentionPattern(BlockMask{0, ones({1, 1})}); }, {"block", "got 0"});
  expect_error("BlockMask", [] { AttentionPattern(BlockMask{4, ones({3})}); }, {"matrix", "(3,)"});
  expect_error("BlockMask", [] { AttentionPattern(BlockMask{4, full({1, 1}, 2)}); }, {"0 and 1", "got 2"});
  expect_error("BlockMask", [] { AttentionPattern(BlockMask{4, {}}); }, {"seen is an empty handle"});
  expect_error("sparse_attention", call(BlockMask{4, ones({2, 3})}), {"(2, 2)", "got (2, 3)"});
  expect_error("per_head", [] { per_head({}); }, {"got none"});
  expect_error("per_head",
               [] {
                 per_head({per_head({Window{1}, Window{2}})});
               },
               {"one pattern", "list of 2"});
  expect_error("sparse_attention", call(per_head({Window{1}, Window{2}, Window{3}})),
               {"3 heads", "batch, 4"});
}

// However long, a pattern costs no more than the queries and keys that there are.
TEST(AttentionPattern, OfAnyLengthIsWhatItsFormulaSays) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  for (const bool causal : {false, true}) {
    for (const auto& [n, m] : {std::pair<std::int64_t, std::int64_t>{5, 5}, {7, 3}, {3, 7}}) {
      const Tensor scores = zeros({n, m}, float64), all = pattern_mask(scores, AttentionPattern(), causal);
      const std::int64_t shift = causal ? m - n : 0;
      Tensor own = zeros({n, m}, float64), left = zeros({n, m}, float64);
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j < m; ++j) {
          own.mutable_data<double>()[i * m + j] = i + shift == j;
          left.mutable_data<double>()[i * m + j] = (i + shift < 0) == (j < 0);
        }
      }
      for (const std::int64_t length : {std::int64_t{8}, std::int64_t{9}, std::int64_t{1} << 60, most}) {
        expect_same(pattern_mask(scores, Window{length}, causal), all);
        expect_same(pattern_mask(scores, Strided{length}, causal), all);
        expect_same(pattern_mask(scores, Strided{length, Factor::second}, causal), own);
        expect_same(pattern_mask(scores, Fixed{length, length, Factor::second}, causal), all);
        expect_same(pattern_mask(scores, Fixed{length, 1}, causal), all * left);
        expect_same(pattern_mask(scores, BlockMask{length, ones({1, 1})}, causal), all);
        const Tensor q = randn({1, n, 2}, float64), k = randn({1, m, 2}, float64);
        const AttentionOptions options{.causal = causal, .pattern = Strided{length, Factor::second}};
        expect_close(sparse_attention(q, k, k, 2, options), matmul(own, k), 1e-12);
        expect_close(softmax_attention(q, k, k, options), matmul(own, k), 1e-12);
      }
    }
  }
}

}  // namespace
}  // namespace taper::test
