// Masks of attention: an element other than 0 and 1 is an error wherever it stands, and masks of other kinds are
// converted. With scores that overflow, all ways to compute attention agree, or differ as the page says.
#include "support/helpers.hpp"
#include "support/kinds.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
const double nan = std::numeric_limits<double>::quiet_NaN();

struct Masks : Kinds {
  // Calls check(name of who complains, call with this mask) for each way to hand over a mask for 3 queries and 5 keys
  // in 2 problems.
  template <class Check>
  void for_each_way(bool causal, const Check& check) const {
    Generator generator(1);
    const auto random = [&](const Shape& shape) { return on(randn(shape, generator, float64)); };
    const Tensor q = random({2, 3, 4}), k = random({2, 5, 4}), v = random({2, 5, 4});
    check("sparse_attention",
          [&](const Tensor& mask) { return sparse_attention(q, k, v, 2, {.causal = causal, .mask = mask}); });
    for (const auto method :
         {nn::AttentionMethod::composed, nn::AttentionMethod::fused, nn::AttentionMethod::dense}) {
      const char* const name = method == nn::AttentionMethod::fused ? "sparse_attention" : "SparseAttention";
      const nn::SparseAttention attention(2, {.causal = causal, .method = method});
      check(name, [&](const Tensor& mask) { return attention(q, k, v, mask); });
      const nn::MultiHeadSparseAttention heads(4, 2, 2, generator,
                                               {.causal = causal, .dtype = kind.dtype, .method = method});
      heads.to(kind.device);
      check(name, [&](const Tensor& mask) { return heads(q, k, {.mask = mask}); });
      check("SparseAttention", [&](const Tensor& mask) { return attention.probabilities(q, k, mask); });
    }
  }
};

TEST_P(Masks, ConsistOfZerosAndOnes) {
  for (const DType dtype : {float32, float64}) {
    for (const double bad :
         {-inf, inf, nan, 2., 0.5, -1., 1e-300, 1 + 1e-15, std::numeric_limits<double>::lowest()}) {
      const Shape shapes[] = {{}, {5}, {3, 1}, {3, 5}, {2, 1, 5}, {2, 3, 5}};
      for (const Shape& shape : shapes) {
        std::vector<double> values(static_cast<std::size_t>(element_count("mask", shape)), 1.);
        values.back() = bad;
        const Tensor mask = tensor(values, shape, dtype).to(kind.device);
        if (const double seen = mask.to_vector().back(); seen == 0 || seen == 1)
          continue;  // rounded by float32
        SCOPED_TRACE(printed(mask.to_vector().back()) + " in " + printed(shape));
        for (const bool causal : {false, true}) {
          for_each_way(causal, [&](const char* name, const auto& call) {
            expect_error(name, [&] { call(mask); },
                         {"mask must be 1", "0 where it may not", "mask_from_additive", "mask_from_hidden",
                          "got " + printed(mask.to_vector().back())});
          });
        }
      }
    }
  }
}

// PyTorch's causal mask is wrong only in elements that causal hides anyway.
TEST_P(Masks, OfTheWrongKindAreFoundWhereCausalHides) {
  const Tensor mask = tensor({{0, -inf}, {0, 0}}).to(kind.device), x = on(ones({1, 2, 4}, float64));
  expect_error("sparse_attention", [&] { sparse_attention(x, x, x, 1, {.causal = true, .mask = mask}); },
               {"got -inf"});
}

// At the sizes at which kernels divide their work.
TEST_P(Masks, AreSearchedToTheEnd) {
  Generator generator(2);
  for (const std::int64_t m : {31, 129, 1100}) {
    const Tensor q = on(randn({1, 40, 4}, generator, float64)), k = on(randn({1, m, 4}, generator, float64));
    for (const std::int64_t at : {std::int64_t{0}, 17 * m + m / 2, 40 * m - 1}) {
      Tensor mask = ones({40, m}, kind.dtype);
      EXPECT_NO_THROW(sparse_attention(q, k, k, 3, {.mask = mask.to(kind.device)}));
      dispatch(kind.dtype, [&]<class T>() { mask.mutable_data<T>()[at] = T(-1); });
      expect_error("sparse_attention", [&] { sparse_attention(q, k, k, 3, {.mask = mask.to(kind.device)}); },
                   {"got -1"});
    }
  }
}

TEST_P(Masks, MayHaveEitherDtypeAndEitherZero) {
  for_each_way(false, [&](const char*, const auto& call) {
    const Tensor y = call(tensor({1, 0, 1, 1, 0}).to(kind.device));
    expect_same(call(tensor({1, -0., 1, 1, 0}, float64).to(kind.device)).to(Device::cpu()),
                y.to(Device::cpu()));
  });
}

TEST_P(Masks, FromAdditiveOnes) {
  const double lowest =
      kind.dtype == float32 ? std::numeric_limits<float>::lowest() : std::numeric_limits<double>::lowest();
  const Tensor mask = on(tensor({{0, -inf, -0.}, {lowest, -10000, -1e9}}, float64));
  const Tensor seen = mask_from_additive(mask);
  EXPECT_EQ(Kind(seen.dtype(), seen.device()), kind);
  expect_values(seen, {1, 0, 1, 0, 0, 0}, 0);
  for (const double bad : {1., -1., inf, nan, -9999., 1e-20}) {
    expect_error("mask_from_additive",
                 [&] {
                   mask_from_additive(on(tensor({0, bad}, float64)));
                 },
                 {"0 where a query may look", "-inf", "got"});
  }
  EXPECT_EQ(mask_from_additive(on(zeros({0, 3}))).shape(), (Shape{0, 3}));
  expect_error("mask_from_additive", [] { mask_from_additive(Tensor()); }, {"mask is an empty handle"});
}

TEST_P(Masks, FromThoseWhoseOnesHide) {
  expect_values(mask_from_hidden(on(tensor({0, 1, -0.}, float64))), {1, 0, 1}, 0);
  for (const double bad : {-inf, 0.5, nan}) {
    expect_error("mask_from_hidden",
                 [&] {
                   mask_from_hidden(on(tensor({0, bad}, float64)));
                 },
                 {"0 where", "got"});
  }
  expect_error("mask_from_hidden", [] { mask_from_hidden(Tensor()); }, {"mask is an empty handle"});
}

INSTANTIATE_TEST_SUITE_P(Everywhere, Masks, all_kinds);

// Scores that overflow to -inf are not looked at, and one that overflows to +inf makes its query's row NaN.
struct Overflow : Kinds {
  // The value and the gradients of queries, keys and values.
  Tensors results(nn::AttentionMethod method, const Tensors& inputs) const {
    Tensors leaves;
    for (const Tensor& x : inputs) leaves.push_back(leaf(x));
    Tape tape;
    const Tensor y = nn::SparseAttention(2, {.method = method})(leaves[0], leaves[1], leaves[2]);
    Tensors all = tape.gradient(sum(y * on(tensor({{{1, 2}, {3, 5}}}, float64))), leaves);
    all.insert(all.begin(), y);
    return all;
  }
  const double huge = kind.dtype == float32 ? 1e25 : 1e200;
  const Tensor values = tensor({{{1, 2}, {3, 5}, {7, 11}}}, float64);
};

TEST_P(Overflow, IsTheSameFusedAndComposed) {
  const double h = huge;
  const Tensors pairs[] = {
      {tensor({{{h}, {1}}}, float64), tensor({{{-h}, {0.5 / h}, {0}}}, float64)},      // -inf beside others
      {tensor({{{h}, {2 * h}}}, float64), tensor({{{-h}, {-h}, {-h}}}, float64)},      // -inf alone
      {tensor({{{h}, {1 / h}}}, float64), tensor({{{h}, {0.5 / h}, {-h}}}, float64)},  // +inf
      {tensor({{{h, 0}, {1, 1}}}, float64), tensor({{{-h, 1}, {h / 1e20, 0}, {0.5, 0.25}}}, float64)},
  };
  for (const Tensors& pair : pairs) {
    const Tensors inputs{pair[0], pair[1], values};
    const Tensors fused = results(nn::AttentionMethod::fused, inputs),
                  composed = results(nn::AttentionMethod::composed, inputs);
    for (std::size_t i = 0; i < fused.size(); ++i) {
      SCOPED_TRACE("result " + std::to_string(i) + " for keys " + printed(pair[1]));
      expect_close(fused[i].to(Device::cpu()), composed[i].to(Device::cpu()), 1e-5);
    }
  }
}

// Dense attention gives a query NaN whose scores are all -inf, as softmax does; sparse attention gives it zeros.
TEST_P(Overflow, OfAllScoresOfAQuery) {
  const Tensors inputs{tensor({{{huge}, {1 / huge}}}, float64),
                       tensor({{{-huge}, {-huge}, {-huge}}}, float64), values};
  const Tensors sparse = results(nn::AttentionMethod::fused, inputs);
  for (const double x : slice(sparse[0], 1, 0, 1).to_vector()) EXPECT_EQ(x, 0);
  const Tensors dense = results(nn::AttentionMethod::dense, inputs);
  for (const double x : slice(dense[0], 1, 0, 1).to_vector()) EXPECT_TRUE(std::isnan(x));
}

// An infinite query or key that nobody looks at: the op does not read it, the composition multiplies it by 0.
TEST_P(Overflow, InfiniteInputsCountOnlyWhereTheyAreKept) {
  const Tensors of_keys{tensor({{{1}, {2}}}, float64), tensor({{{-inf}, {0.5}, {0.25}}}, float64), values};
  const Tensors of_queries{tensor({{{-inf}, {1}}}, float64), tensor({{{1}, {2}, {2.25}}}, float64), values};
  for (const Tensors& inputs : {of_keys, of_queries}) {
    for (const Tensor& result : results(nn::AttentionMethod::fused, inputs)) {
      for (const double x : result.to_vector()) EXPECT_TRUE(std::isfinite(x));
    }
  }
  for (const double x : results(nn::AttentionMethod::composed, of_keys)[1].to_vector())
    EXPECT_TRUE(std::isnan(x));
  for (const double x : results(nn::AttentionMethod::composed, of_queries)[2].to_vector())
    EXPECT_TRUE(std::isnan(x));
}

INSTANTIATE_TEST_SUITE_P(Everywhere, Overflow, all_kinds);

}  // namespace
}  // namespace taper::test
