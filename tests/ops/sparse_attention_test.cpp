// sparse_attention at its edges, by hand: NaN, infinities and huge numbers, what masks hide, and empty axes.
// sparse_attention_property_test.cpp draws random cases.
#include "support/attention.hpp"
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
const double nan = std::numeric_limits<double>::quiet_NaN();

MultiFunction attention(std::int64_t k, const AttentionOptions& options = {}) {
  return [=](const Tensors& x) { return sparse_attention(x[0], x[1], x[2], k, options); };
}

// 3 queries and 5 keys for each of 2 problems.
Tensors some_inputs(DType dtype = float64) {
  Generator generator(1);
  return {randn({2, 3, 4}, generator, dtype), randn({2, 5, 4}, generator, dtype),
          randn({2, 5, 6}, generator, dtype)};
}

// A copy in which row i of problem b begins with this value.
Tensor with(const Tensor& x, std::int64_t b, std::int64_t i, double value) {
  Tensor y = cast(x, float64).clone();
  y.mutable_data<double>()[(b * x.extent(1) + i) * x.extent(2)] = value;
  return cast(y, x.dtype());
}

// Row i of problem b.
Row row_of(const Tensor& x, std::int64_t b, std::int64_t i) {
  return slice(slice(x, 0, b, b + 1), 1, i, i + 1).to_vector();
}

enum class Is { same, nan };
// Expects the rows of problem b to be as these say, and those of the other problem to be as before.
void expect_rows(const char* what, const Tensor& found, const Tensor& before, std::int64_t b,
                 const std::vector<Is>& rows) {
  SCOPED_TRACE(what);
  for (std::int64_t problem = 0; problem < found.extent(0); ++problem) {
    for (std::int64_t i = 0; i < found.extent(1); ++i) {
      const Row row = row_of(found, problem, i);
      if (problem == b && rows[static_cast<std::size_t>(i)] == Is::nan) {
        for (const double value : row) EXPECT_TRUE(std::isnan(value)) << "row " << i << " has " << value;
      } else {
        EXPECT_EQ(row, row_of(before, problem, i)) << "row " << i << " of problem " << problem;
      }
    }
  }
}

// What no query of a problem looks at has no effect on it: not a key, not its value, whatever it is, and its
// gradients are 0.
TEST(SparseAttentionOp, WhatTheMaskHidesDoesNotCount) {
  for (const DType dtype : {float32, float64}) {
    const Tensors in = some_inputs(dtype);
    const auto hidden = attention(3, {.mask = tensor({1, 0, 1, 1, 0})});
    const Indices seen{0, 2, 3};
    const auto left = [&](const Tensors& x) {
      return sparse_attention(x[0], gather(x[1], seen, 1), gather(x[2], seen, 1), 3);
    };
    expect_close(hidden(in), left(in), 1e-6);
    for (const double bad : {nan, inf, -inf}) {
      const Tensors changed{in[0], with(in[1], 0, 1, bad), with(in[2], 0, 4, bad)};
      expect_same(hidden(changed), hidden(in));
      const Tensors found = gradients(hidden, changed), wanted = gradients(left, in);
      for (std::size_t i = 0; i < 3; ++i) expect_close(found[i], wanted[i], 1e-6);
    }
  }
}

TEST(SparseAttentionOp, WhatCausalHidesDoesNotCount) {
  // Query i sees keys 0 to i + 2: the last key is the last query's alone.
  const Tensors in = some_inputs();
  const auto causal = attention(2, {.causal = true});
  for (const double bad : {nan, inf, -inf}) {
    const Tensors changed{in[0], with(in[1], 1, 4, bad), with(in[2], 1, 4, bad)};
    const Tensor y = causal(changed), before = causal(in);
    for (const std::int64_t i : {0, 1}) EXPECT_EQ(row_of(y, 1, i), row_of(before, 1, i));
    EXPECT_EQ(row_of(y, 0, 2), row_of(before, 0, 2));
    const Tensor dq = gradients(causal, changed)[0], dq_before = gradients(causal, in)[0];
    for (const std::int64_t i : {0, 1}) EXPECT_EQ(row_of(dq, 1, i), row_of(dq_before, 1, i));
  }
}

TEST(SparseAttentionOp, ANaNQueryGivesNaNRowsToItselfAndToTheKeysAndValuesOfItsProblem) {
  for (const DType dtype : {float32, float64}) {
    const Tensors in = some_inputs(dtype);
    const Tensor mask = tensor({{1, 1, 1, 1, 1}, {1, 1, 0, 1, 0}, {1, 1, 1, 1, 1}});
    const auto f = attention(2, {.mask = mask});
    const Tensors changed{with(in[0], 1, 1, nan), in[1], in[2]};
    expect_rows("values", f(changed), f(in), 1, {Is::same, Is::nan, Is::same});
    const Tensors found = gradients(f, changed), before = gradients(f, in);
    expect_rows("gradient of queries", found[0], before[0], 1, {Is::same, Is::nan, Is::same});
    for (const std::size_t i : {1, 2}) {
      expect_rows("gradient of keys or values", found[i], before[i], 1, std::vector<Is>(5, Is::nan));
      for (std::int64_t j = 0; j < 5; ++j) EXPECT_EQ(row_of(found[i], 0, j), row_of(before[i], 0, j));
    }
  }
}

TEST(SparseAttentionOp, ANaNKeyGivesNaNRowsToTheQueriesThatMayLookAtIt) {
  const Tensors in = some_inputs();
  const auto f = attention(1, {.mask = tensor({{1, 1, 1, 1, 1}, {1, 1, 1, 0, 1}, {1, 1, 1, 1, 1}})});
  const Tensors changed{in[0], with(in[1], 0, 3, nan), in[2]};
  expect_rows("values", f(changed), f(in), 0, {Is::nan, Is::same, Is::nan});
  const Tensors found = gradients(f, changed), before = gradients(f, in);
  expect_rows("gradient of queries", found[0], before[0], 0, {Is::nan, Is::same, Is::nan});
  expect_rows("gradient of keys", found[1], before[1], 0, std::vector<Is>(5, Is::nan));
  expect_rows("gradient of values", found[2], before[2], 0, std::vector<Is>(5, Is::nan));
}

// Tile by tile, a NaN must be found wherever it stands, and no larger score may cover it.
TEST(SparseAttentionOp, ANaNAnywhereAmongManyKeysIsFound) {
  Generator generator(2);
  for (const std::int64_t m : {1, 7, 64, 511, 513, 1100}) {
    const Tensor queries = ones({1, 2, 3}), keys = randn({1, m, 3}, generator), values = ones({1, m, 2});
    for (const std::int64_t at : {std::int64_t{0}, m / 2, m - 1}) {
      for (const double bad : {nan, inf}) {
        for (const std::int64_t k : {std::int64_t{1}, std::int64_t{5}, m}) {
          const Tensor y = sparse_attention(queries, with(keys, 0, at, bad), values, k);
          expect_values(y, {nan, nan, nan, nan});
          expect_values(sparse_attention(queries, with(keys, 0, at, -inf), values, k),
                        m == 1 ? Row(4, 0.) : Row(4, 1.), 1e-6);
        }
      }
    }
  }
}

// A score of +inf is like a NaN, one of -inf like a hidden key, and if all are -inf there is
// nothing to look at.
TEST(SparseAttentionOp, InfiniteScores) {
  for (const DType dtype : {float32, float64}) {
    const Tensor queries = tensor({{{1}, {-1}}}, dtype), values = tensor({{{1, 2}, {3, 5}, {7, 11}}}, dtype);
    const auto f = attention(3);
    const Tensors minus{queries, tensor({{{0}, {-inf}, {0.5}}}, dtype), values};
    expect_values(f(minus), {0.25 + 5.25, 0.5 + 8.25, nan, nan}, 1e-6);
    const Tensors found = gradients(f, minus);
    EXPECT_NEAR(found[0].to_vector()[0], 0.5 * (18 - 3) / 2,
                1e-6);  // g = (dp - mean) = (-7.5, 7.5), keys (0, 0.5)
    EXPECT_TRUE(std::isnan(found[0].to_vector()[1]));

    const Tensors above{slice(queries, 1, 0, 1), minus[1], values};  // without the query that sees +inf
    const Tensors clean = gradients(f, above);
    expect_values(clean[0], {3.75}, 1e-6);
    expect_values(clean[1], {-7.5, 0, 7.5}, 1e-6);
    expect_values(clean[2], {0.25, 0.25, 0, 0, 0.75, 0.75}, 1e-6);

    const Tensors none{tensor({{{1}}}, dtype), tensor({{{-inf}, {-inf}, {-inf}}}, dtype), values};
    expect_values(f(none), {0, 0}, 0);
    expect_values(gradients(f, none)[0], {0}, 0);
    expect_values(gradients(f, none)[1], {0, 0, 0}, 0);
    expect_values(gradients(f, none)[2], {0, 0, 0, 0, 0, 0}, 0);
  }
}

TEST(SparseAttentionOp, HugeScoresAreExact) {
  const Tensor values = tensor({{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}});
  const auto p = [&](const Row& keys, double query, DType dtype) {
    return sparse_attention(tensor({{{query}}}, dtype), tensor(keys, {1, 3, 1}, dtype), cast(values, dtype),
                            3);
  };
  for (const DType dtype : {float32, float64}) {
    expect_values(p({1e15, -1e15, 1e15}, 1e15, dtype), {0.5, 0, 0.5}, 0);
    expect_values(p({-1e15, -1e15, -2e15}, 1e15, dtype), {0.5, 0.5, 0}, 0);
    expect_values(p({0, 0.25, 0}, 0x1p100, dtype), {0, 1, 0}, 0);
  }
  expect_values(p({-1e30, 0, 0.5}, 1e30, float32), {0, 0, 1}, 0);  // -1e60 is -inf
  expect_values(p({-1e30, 0, 1e30}, 1e30, float32), {nan, nan, nan});
  expect_values(p({-1e30, 0, 1e30}, 1e30, float64), {0, 0, 1}, 0);
  const double largest = std::numeric_limits<double>::max();
  expect_values(p({largest, -largest, 0}, 1, float64), {1, 0, 0}, 0);
  expect_values(p({0x1p53, 0x1p53 + 2, 0}, 1, float64), {0, 1, 0}, 0);
  expect_values(p({0x1p51, 0x1p51 + 0.5, 0}, 1, float64), {0.25, 0.75, 0}, 0);
  expect_values(p({16777216, 16777215, 0}, 1, float32), {1, 0, 0}, 0);  // on the kink
  expect_values(p({1, 0x1p-52, 0}, 1, float64), {1 - 0x1p-53, 0x1p-53, 0}, 0);
}

// The composition multiplies it by 0.
TEST(SparseAttentionOp, AValueThatNoQueryKeepsIsIgnored) {
  const Tensor queries = tensor({{{1}, {2}}}), keys = tensor({{{0}, {3}, {2.75}}});
  const Tensor values = tensor({{{4, 5}, {1, 2}, {3, 4}}});
  for (const double bad : {nan, inf, -inf}) {
    const Tensors in{queries, keys, values}, changed{queries, keys, with(values, 0, 0, bad)};
    for (const std::int64_t k : {2, 3}) {  // out by number, and out by size
      expect_same(attention(k)(changed), attention(k)(in));
      const Tensors found = gradients(attention(k), changed), wanted = gradients(attention(k), in);
      for (std::size_t i = 0; i < 3; ++i) expect_same(found[i], wanted[i]);
    }
    // Kept by both queries.
    const Tensors kept{queries, keys, with(values, 0, 1, bad)};
    const Row y = attention(3)(kept).to_vector();
    for (const std::size_t i : {0, 2}) EXPECT_FALSE(std::isfinite(y[i]));
    for (const std::size_t i : {1, 3}) EXPECT_TRUE(std::isfinite(y[i]));
  }
}

TEST(SparseAttentionOp, NoGradientFlowsToTheMask) {
  const Tensors in = some_inputs();
  Tensor mask = ones({5}, float64).requires_grad();
  Tape tape;
  attention(2, {.mask = mask})(in);
  EXPECT_EQ(tape.node_count(), 0u);
}

TEST(SparseAttentionOp, EmptyAxes) {
  struct Extents {
    std::int64_t b, n, m, d, e;
  };
  for (const auto& [b, n, m, d, e] :
       {Extents{0, 3, 4, 2, 5}, Extents{2, 0, 4, 2, 5}, Extents{2, 3, 0, 2, 5}, Extents{2, 3, 4, 0, 5},
        Extents{2, 3, 4, 2, 0}, Extents{0, 0, 0, 0, 0}}) {
    for (const DType dtype : {float32, float64}) {
      for (const AttentionOptions& options :
           {AttentionOptions{}, AttentionOptions{.scale = 0.5, .causal = true, .mask = ones({n, m})}}) {
        const Tensors in{ones({b, n, d}, dtype), ones({b, m, d}, dtype), ones({b, m, e}, dtype)};
        const auto f = attention(2, options);
        SCOPED_TRACE(printed(in[0].shape()) + printed(in[2].shape()));
        expect_same(f(in), composed_attention(in[0], in[1], in[2], 2, options));
        const Tensors found = gradients(f, in);
        for (std::size_t i = 0; i < 3; ++i) {
          EXPECT_EQ(found[i].shape(), in[i].shape());
          for (const double value : found[i].to_vector()) EXPECT_TRUE(std::isfinite(value));
        }
      }
    }
  }
  // Scores of no products are all 0: the first k keys share equally.
  expect_values(sparse_attention(zeros({1, 1, 0}), zeros({1, 3, 0}), tensor({{{1}, {2}, {30}}}), 2), {1.5},
                0);
}

TEST(SparseAttentionOp, KMayBeAnyNumberFrom1On) {
  const Tensors in = some_inputs();
  expect_same(attention(std::numeric_limits<std::int64_t>::max())(in), attention(5)(in));
  // One key: its value, and no gradient to queries and keys.
  const Tensors found = gradients(attention(1), in);
  expect_close(found[0], zeros(in[0].shape(), float64), 0);
  expect_close(found[1], zeros(in[1].shape(), float64), 0);
}

// Gradients of keys or values that do not stay in the cache are summed up column by column, others row by
// row. These are the same sums in the same order, so that it makes no difference which values stand
// beside a value.
TEST(SparseAttentionOp, TheGradientOfManyWideValuesIsThatOfNarrowOnes) {
  constexpr std::int64_t width = 32, widths = 3;
  for (const DType dtype : {float32, float64}) {
    Generator generator(4);
    const Tensor queries = randn({2, 1000, 8}, generator, dtype),
                 keys = randn({2, 1500, 8}, generator, dtype);
    const Tensor values = randn({2, 1500, widths * width}, generator, dtype);
    const Tensor cotangent = randn({2, 1000, widths * width}, generator, dtype);
    for (const bool has_nan_row : {false, true}) {
      const Tensor q = has_nan_row ? with(queries, 1, 700, nan) : queries;
      const auto gradient_of_values = [&](const Tensor& v, const Tensor& dy) {
        return gradient_of([&](const Tensor& x) { return sparse_attention(q, keys, x, 5); }, v, dy);
      };
      const Tensor wide = gradient_of_values(values, cotangent);
      for (std::int64_t c = 0; c < widths * width; c += width) {
        const auto columns = [c](const Tensor& x) { return slice(x, 2, c, c + width); };
        expect_same(columns(wide), gradient_of_values(columns(values), columns(cotangent)));
      }
      EXPECT_EQ(std::isnan(wide.to_vector().back()), has_nan_row) << "the last problem";
    }
  }
}

TEST(SparseAttentionOp, MayReadOneTensorThrice) {
  Generator generator(3);
  const Tensor x = randn({2, 5, 4}, generator, float64);
  for (const bool causal : {false, true}) {
    const auto f = attention(2, {.causal = causal});
    const Tensors apart = gradients(f, {x, x, x});
    expect_close(gradient_of(
                     [&](const Tensor& t) {
                       return f({t, t, t});
                     },
                     x),
                 apart[0] + apart[1] + apart[2]);
  }
}

}  // namespace
}  // namespace taper::test
