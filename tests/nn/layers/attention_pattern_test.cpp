// Patterns in the layers: all methods hide the same, each head has its own pattern, and options are passed on.
#include "support/attention.hpp"
#include "support/patterns.hpp"
#include <taper/taper.hpp>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

const std::vector<PatternCase>& three_heads() {
  static const std::vector<PatternCase> cases{strided_case(3, Factor::second), window_case(4),
                                              fixed_case(4, 1, Factor::merged)};
  return cases;
}

AttentionPattern pattern_of_heads() {
  std::vector<AttentionPattern> patterns;
  for (const PatternCase& head : three_heads()) patterns.push_back(head.pattern);
  return per_head(patterns);
}

// The same layer without a pattern gives the same if a mask hides what the pattern does.
TEST(LayersWithPatterns, HideWhatAMaskWouldHide) {
  for (const bool causal : {false, true}) {
    Generator generator(5);
    const Tensor queries = randn({3, 9, 4}, generator, float64), keys = randn({3, 12, 4}, generator, float64),
                 values = randn({3, 12, 2}, generator, float64);
    const Tensor mask = dense_mask(three_heads(), {3, 9, 12}, causal);
    for (const auto method :
         {nn::AttentionMethod::composed, nn::AttentionMethod::fused, nn::AttentionMethod::dense}) {
      SCOPED_TRACE(static_cast<int>(method));
      const nn::SparseAttention with(3, {.causal = causal, .pattern = pattern_of_heads(), .method = method});
      const nn::SparseAttention without(3, {.causal = causal, .method = method});
      const auto patterned = [&](const Tensors& x) { return with(x[0], x[1], x[2]); };
      const auto masked = [&](const Tensors& x) { return without(x[0], x[1], x[2], mask); };
      const Tensors inputs{queries, keys, values};
      expect_close(patterned(inputs), masked(inputs), 1e-12);
      const Tensors found = gradients(patterned, inputs), wanted = gradients(masked, inputs);
      for (std::size_t i = 0; i < 3; ++i) expect_close(found[i], wanted[i], 1e-12);
    }
  }
}

// P of each head is 0 where its pattern hides; causal attention of 10 positions to themselves.
TEST(LayersWithPatterns, GiveEachHeadItsPattern) {
  Generator generator(6);
  const Tensor x = randn({2, 10, 6}, generator, float64);
  const nn::TransformerBlock block(6, 3, 10, generator,
                                   {.causal = true,
                                    .pattern = pattern_of_heads(),
                                    .method = nn::AttentionMethod::dense,
                                    .dtype = float64});
  const Tensor p = block.probabilities(x), seen = dense_mask(three_heads(), {6, 10, 10}, true);
  const Row found = p.to_vector(), wanted = seen.to_vector();
  ASSERT_EQ(found.size(), wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i] != 0, wanted[i] != 0) << i;
}

TEST(LayersWithPatterns, MultiHeadIsTheSameFusedAndComposed) {
  const auto result = [](nn::AttentionMethod method) {
    Generator generator(7);
    const nn::MultiHeadSparseAttention attention(
        6, 3, 2, generator,
        {.causal = true, .pattern = pattern_of_heads(), .dtype = float64, .method = method});
    return attention(randn({2, 20, 6}, generator, float64));
  };
  expect_close(result(nn::AttentionMethod::fused), result(nn::AttentionMethod::composed), 1e-12);
}

TEST(LayersWithPatterns, WantAPatternForEachHead) {
  expect_error("MultiHeadSparseAttention",
               [] { nn::MultiHeadSparseAttention(8, 4, 2, {.pattern = pattern_of_heads()}); },
               {"pattern", "each of 4", "got 3"});
  expect_error("MultiHeadSparseAttention",
               [] { nn::TransformerBlock(8, 4, 2, {.pattern = pattern_of_heads()}); },
               {"each of 4", "got 3"});
}

}  // namespace
}  // namespace taper::test
