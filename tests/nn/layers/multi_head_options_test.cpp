// What attention has besides its sparse form: the dense one, rotary, its probabilities, and a k that changes.
#include "support/attention.hpp"
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using nn::AttentionMethod;
using nn::MultiHeadSparseAttention;
using nn::MultiHeadSparseAttentionOptions;

constexpr std::int64_t width = 6, heads = 3, depth = width / heads;

Tensor random(Generator& generator, const Shape& shape) { return randn(shape, generator, float64); }

// Dense attention in loops: query i of problem p looks at the keys with seen(p, i, j).
template <class Seen>
Array dense_reference(const Tensor& queries, const Tensor& keys, const Tensor& values, double scale,
                      const Seen& seen) {
  const Array q = array_of(queries), k = array_of(keys), v = array_of(values);
  const std::int64_t m = keys.extent(1), d = keys.extent(2);
  return build({queries.extent(0), queries.extent(1), values.extent(2)}, [&](const Index& at_) {
    const std::int64_t p = at_[0], i = at_[1];
    double total = 0, weighted = 0;
    for (std::int64_t j = 0; j < m; ++j) {
      if (!seen(p, i, j)) continue;
      double score = 0;
      for (std::int64_t c = 0; c < d; ++c) score += at(q, {p, i, c}) * at(k, {p, j, c});
      const double e = std::exp(scale * score);
      total += e, weighted += e * at(v, {p, j, at_[2]});
    }
    return total == 0 ? 0 : weighted / total;
  });
}

struct Inputs {
  explicit Inputs(std::uint64_t seed, std::int64_t n = 4, std::int64_t m = 6) {
    Generator generator(seed);
    queries = random(generator, {2, n, 5}), keys = random(generator, {2, m, 5});
    values = random(generator, {2, m, 3});
  }
  Tensor queries, keys, values;
};

TEST(DenseAttention, IsSoftmaxOverAllKeysThatAreSeen) {
  const Inputs in(1);
  const auto all = [](auto, auto, auto) { return true; };
  const nn::SparseAttention dense(1, {.scale = 0.7, .method = AttentionMethod::dense});
  expect_close(dense(in.queries, in.keys, in.values),
               dense_reference(in.queries, in.keys, in.values, 0.7, all));
  // A mask that hides other keys in each problem, and everything from query 2 of the second.
  const auto seen = [](std::int64_t p, std::int64_t i, std::int64_t j) {
    return p == 1 && i == 2 ? false : (p + i + j) % 3 != 0;
  };
  const Array mask = build({2, 4, 6}, [&](const Index& i) { return seen(i[0], i[1], i[2]) ? 1.0 : 0.0; });
  const Tensor y = dense(in.queries, in.keys, in.values, tensor(mask.values, mask.shape));
  expect_close(y, dense_reference(in.queries, in.keys, in.values, 0.7, seen));
  expect_close(slice(slice(y, 0, 1, 2), 1, 2, 3), zeros({1, 1, 3}, float64), 0);
}

TEST(DenseAttention, CausalWithFewerAndMoreKeysThanQueries) {
  for (const std::int64_t m : {4, 6, 2}) {
    SCOPED_TRACE(m);
    const Inputs in(2, 4, m);
    const nn::SparseAttention dense(1, {.causal = true, .method = AttentionMethod::dense});
    const auto seen = [m](auto, std::int64_t i, std::int64_t j) { return j <= i + m - 4; };
    expect_close(dense(in.queries, in.keys, in.values),
                 dense_reference(in.queries, in.keys, in.values, 1, seen));
    const Tensor last = tensor(std::vector<double>{1, 0, 1, 1, 1, 1}, {6});
    const Tensor own = slice(last, 0, 0, m);
    const auto both = [&](auto p, std::int64_t i, std::int64_t j) { return seen(p, i, j) && j != 1; };
    expect_close(dense(in.queries, in.keys, in.values, own),
                 dense_reference(in.queries, in.keys, in.values, 1, both));
  }
}

// Row 2 sees nothing: no NaN anywhere, not in second derivatives either.
TEST(DenseAttention, GradcheckWithAQueryThatSeesNothing) {
  const Inputs in(3);
  Tensor mask = ones({4, 6}, float64);
  for (int j = 0; j < 6; ++j) mask.mutable_data<double>()[2 * 6 + j] = 0;
  const nn::SparseAttention dense(1, {.scale = 0.5, .causal = true, .method = AttentionMethod::dense});
  const auto f = [&](const Tensors& x) { return dense(x[0], x[1], x[2], mask); };
  const Tensors inputs{in.queries, in.keys, in.values};
  expect_close(slice(gradients(f, inputs)[0], 1, 2, 3), zeros({2, 1, 5}, float64), 0);
  for (const Tensor& gradient : gradients(f, inputs)) {
    EXPECT_TRUE(std::isfinite(sum(gradient).item()));
  }
  const GradcheckReport first = gradcheck(f, inputs), second = gradgradcheck(f, inputs);
  EXPECT_TRUE(first.ok()) << first;
  EXPECT_TRUE(second.ok()) << second;
}

TEST(MultiHeadDense, AgreesHeadByHead) {
  Generator generator(4);
  const MultiHeadSparseAttention model(width, heads, 1, generator,
                                       {.causal = true, .dtype = float64, .method = AttentionMethod::dense});
  const Tensor x = random(generator, {2, 5, width});
  const Tensor q = model.query(x), k = model.key(x), v = model.value(x);
  Tensors outputs;
  for (std::int64_t at = 0; at < width; at += depth) {
    const auto columns = [&](const Tensor& t) { return slice(t, 2, at, at + depth); };
    const Array head = dense_reference(columns(q), columns(k), columns(v), 1 / std::sqrt(depth),
                                       [](auto, auto i, auto j) { return j <= i; });
    outputs.push_back(tensor(head.values, head.shape, float64));
  }
  expect_close(model(x), model.output(concat(outputs, 2)));
}

// Multiplied with the values they give the output; rows sum to 1, or to 0 if nothing is seen.
TEST(Probabilities, AreWhatTheOutputIsMadeOf) {
  Generator generator(5);
  Tensor mask = ones({2, 7, 7});
  for (int j = 0; j < 7; ++j) mask.mutable_data<float>()[3 * 7 + j] = 0;  // query 3 of problem 0
  for (const AttentionMethod method :
       {AttentionMethod::composed, AttentionMethod::fused, AttentionMethod::dense}) {
    for (const bool rotary : {false, true}) {
      SCOPED_TRACE(testing::Message() << static_cast<int>(method) << rotary);
      const bool dense = method == AttentionMethod::dense;
      const MultiHeadSparseAttention model(
          width, heads, 2, generator, {.causal = true, .dtype = float64, .rotary = rotary, .method = method});
      const Tensor x = random(generator, {2, 7, width});
      const Tensor p = model.probabilities(x, {.mask = mask});
      ASSERT_EQ(p.shape(), (Shape{2, heads, 7, 7}));
      const Array found = array_of(p), values = array_of(model.value(x));
      for (std::int64_t row = 0; row < 2 * heads * 7; ++row) {
        double total = 0;
        int kept = 0;
        for (std::int64_t j = 0; j < 7; ++j) {
          const double value = found.values[static_cast<std::size_t>(row * 7 + j)];
          EXPECT_GE(value, 0);
          total += value, kept += value > 0;
          if (j > row % 7) {
            EXPECT_EQ(value, 0);
          }
        }
        const bool blind = row < heads * 7 && row % 7 == 3;
        EXPECT_NEAR(total, blind ? 0 : 1, 1e-12);
        EXPECT_LE(kept, dense ? static_cast<int>(row % 7 + 1) : 2);
        if (dense && !blind) {
          EXPECT_EQ(kept, row % 7 + 1);
        }
      }
      const Array together = build({2, 7, width}, [&](const Index& i) {
        double y = 0;
        for (std::int64_t j = 0; j < 7; ++j) {
          y += at(found, {i[0], i[2] / depth, i[1], j}) * at(values, {i[0], j, i[2]});
        }
        return y;
      });
      expect_close(model(x, {.mask = mask}), model.output(tensor(together.values, together.shape, float64)));
    }
  }
}

TEST(Probabilities, OfOneAttentionAndErrors) {
  const Inputs in(6);
  const nn::SparseAttention attention(2, {.scale = 0.5, .method = AttentionMethod::fused});
  const Tensor scores = bmm(in.queries, in.keys, false, true) * 0.5;
  expect_close(attention.probabilities(in.queries, in.keys), sparse_softmax(scores, 2));
  const Tensor mask = tensor({1, 0, 1, 1, 0, 1});
  expect_close(bmm(attention.probabilities(in.queries, in.keys, mask), in.values),
               attention(in.queries, in.keys, in.values, mask));
  expect_error("SparseAttention", [&] { attention.probabilities(in.queries, ones({2, 6, 5})); }, {"dtypes"});
  expect_error("SparseAttention",
               [&] {
                 attention.probabilities(in.queries, in.keys, ones({3, 6}));
               },
               {"mask", "(2, 4, 6)", "(3, 6)"});
  const char* name = "MultiHeadSparseAttention";
  const MultiHeadSparseAttention model(width, heads, 2);
  expect_error(name, [&] { model.probabilities(ones({2, 3, 5})); }, {"x must be", "(2, 3, 5)"});
  expect_error(name,
               [&] {
                 model.probabilities(ones({2, 3, width}), {.mask = ones({2, 2})});
               },
               {"mask", "(2, 3, 3)", "(2, 2)"});
}

TEST(SetK, TakesEffectInEveryForm) {
  for (const AttentionMethod method : {AttentionMethod::composed, AttentionMethod::fused}) {
    Generator one(7), two(7), own(8);
    const MultiHeadSparseAttentionOptions options{.dtype = float64, .method = method};
    MultiHeadSparseAttention model(width, heads, 7, one, options);
    const Tensor x = random(own, {2, 7, width});
    EXPECT_EQ(model.k(), 7);
    const Tensor before = model(x);
    model.set_k(2);
    EXPECT_EQ(model.k(), 2);
    expect_same(model(x), MultiHeadSparseAttention(width, heads, 2, two, options)(x));
    EXPECT_GT(sum(abs(model(x) - before)).item(), 1e-3);
    MultiHeadSparseAttention copy = model;  // k is part of the value
    copy.set_k(1);
    EXPECT_EQ(model.k(), 2);
    expect_error("SparseAttention", [&] { model.set_k(0); }, {"k must be at least 1, got 0"});
    EXPECT_EQ(model.k(), 2);
  }
  nn::SparseAttention attention(3);
  attention.set_k(5);
  EXPECT_EQ(attention.k(), 5);
}

// Head by head with the op, after the split: each head's queries and keys are turned by their position.
TEST(Rotary, TurnsQueriesAndKeysOfEachHead) {
  Generator generator(9);
  for (const bool causal : {false, true}) {
    const MultiHeadSparseAttention model(8, 2, 3, generator,
                                         {.causal = causal, .dtype = float64, .rotary = true});
    const Tensor x = random(generator, {2, 5, 8});
    const Tensor q = model.query(x), k = model.key(x), v = model.value(x);
    Tensors outputs;
    for (const std::int64_t at : {0, 4}) {
      const auto columns = [&](const Tensor& t) { return slice(t, 2, at, at + 4); };
      outputs.push_back(composed_attention(rotary(columns(q)), rotary(columns(k)), columns(v), 3,
                                           {.scale = 0.5, .causal = causal}));
    }
    expect_close(model(x), model.output(concat(outputs, 2)));
  }
}

// What a causal model computes for the last positions alone, looking back at all, is what it computes for
// them in the whole sequence: the queries stand at the end.
TEST(Rotary, CausalQueriesStandAtTheEndOfTheKeys) {
  Generator generator(10);
  const MultiHeadSparseAttention model(8, 2, 3, generator,
                                       {.causal = true, .dtype = float64, .rotary = true});
  const Tensor x = random(generator, {2, 9, 8});
  for (const std::int64_t n : {1, 4}) {
    expect_close(model(slice(x, 1, 9 - n, 9), x), slice(model(x), 1, 9 - n, 9));
  }
  // More queries than keys: the first see nothing, the last stands at the last key.
  const Tensor y = model(x, slice(x, 1, 5, 9));
  expect_close(slice(y, 1, 0, 5), broadcast_to(model.output.bias, {2, 5, 8}));
  expect_close(slice(y, 1, 5, 9), model(slice(x, 1, 5, 9)));
}

// Without rotary, a permutation of the positions permutes the output; with it that is no longer so.
TEST(Rotary, TellsOrderApart) {
  Generator generator(11);
  const MultiHeadSparseAttention plain(8, 2, 3, generator, {.dtype = float64});
  const MultiHeadSparseAttention turned(8, 2, 3, generator, {.dtype = float64, .rotary = true});
  const Tensor x = random(generator, {1, 6, 8});
  const Indices order{3, 1, 0, 5, 4, 2};
  const auto difference = [&](const MultiHeadSparseAttention& model) {
    return max(abs(model(gather(x, order, 1)) - gather(model(x), order, 1))).item();
  };
  EXPECT_LT(difference(plain), 1e-12);
  EXPECT_GT(difference(turned), 1e-3);
}

TEST(Rotary, GradcheckAndErrors) {
  Generator generator(12);
  const MultiHeadSparseAttention model(4, 2, 2, generator,
                                       {.causal = true, .dtype = float64, .rotary = true});
  const auto f = [&](const Tensors& x) { return model(x[0]); };
  const Tensors inputs{random(generator, {2, 4, 4})};
  const GradcheckReport first = gradcheck(f, inputs), second = gradgradcheck(f, inputs);
  EXPECT_TRUE(first.ok()) << first;
  EXPECT_TRUE(second.ok()) << second;
  expect_error("MultiHeadSparseAttention", [] { MultiHeadSparseAttention(6, 2, 2, {.rotary = true}); },
               {"even", "width 6", "2 heads"});
  EXPECT_EQ(model.parameters().size(), 8u);
}

}  // namespace
}  // namespace taper::test
