// SparseAttention, composed and fused alike, against the outside engine's values
// (golden/golden.json) and against its own definition: scale, masks, causal, fully masked queries, k
// beyond the number of keys, errors.
#include "support/attention.hpp"

#include "support/golden.hpp"
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

struct Inputs {
  explicit Inputs(std::uint64_t seed) {
    Generator generator(seed);
    queries = randn({2, 4, 5}, generator, float64);
    keys = randn({2, 6, 5}, generator, float64);
    values = randn({2, 6, 3}, generator, float64);
  }
  Tensor queries, keys, values;
};

// Every test runs for both forms.
class SparseAttention : public testing::TestWithParam<nn::AttentionMethod> {
 protected:
  static nn::SparseAttention make(std::int64_t k, nn::SparseAttentionOptions options = {}) {
    options.method = GetParam();
    return nn::SparseAttention(k, options);
  }
};
INSTANTIATE_TEST_SUITE_P(Forms, SparseAttention,
                         testing::Values(nn::AttentionMethod::composed, nn::AttentionMethod::fused),
                         [](const auto& info) {
                           return info.param == nn::AttentionMethod::fused ? "fused" : "composed";
                         });

TEST_P(SparseAttention, AgreesWithTheOutsideEngine) {
  const nlohmann::json& stored = golden()["attention"];
  const Tensors inputs{tensor_of(stored["queries"]), tensor_of(stored["keys"]), tensor_of(stored["values"])};
  const nn::SparseAttention attention = make(stored["k"].get<std::int64_t>());
  const auto f = [&](const Tensors& x) { return attention(x[0], x[1], x[2]); };
  expect_close(f(inputs), tensor_of(stored["output"]), 1e-12);
  const Tensors found = gradients(f, inputs, tensor_of(stored["cotangent"]));
  expect_close(found[0], tensor_of(stored["gradients"]["queries"]), 1e-12);
  expect_close(found[1], tensor_of(stored["gradients"]["keys"]), 1e-12);
  expect_close(found[2], tensor_of(stored["gradients"]["values"]), 1e-12);
}

// examples/08_sparse_attention, from the seed of its inputs on, in float32.
TEST_P(SparseAttention, Example3AgreesWithTheOutsideEngine) {
  const nlohmann::json& stored = golden()["example_03"];
  Generator generator(0);
  Tensors inputs;
  for (const char* name : {"queries", "keys", "values"}) {
    inputs.push_back(randn({2, 3, 5}, generator));
    expect_close(cast(inputs.back(), float64), tensor_of(stored[name]), 0);
  }
  const nn::SparseAttention attention = make(2);
  const auto f = [&](const Tensors& x) { return attention(x[0], x[1], x[2]); };
  expect_close(cast(f(inputs), float64), tensor_of(stored["output"]), 1e-6);
  const Tensors found = gradients(f, inputs);
  expect_close(cast(found[0], float64), tensor_of(stored["gradients"]["queries"]), 1e-6);
  expect_close(cast(found[1], float64), tensor_of(stored["gradients"]["keys"]), 1e-6);
  expect_close(cast(found[2], float64), tensor_of(stored["gradients"]["values"]), 1e-6);
}

TEST_P(SparseAttention, IsTheComposition) {
  const Inputs in(1);
  const Tensor scores = bmm(in.queries, transpose(in.keys, 1, 2));
  const bool composed = GetParam() == nn::AttentionMethod::composed;
  const double tolerance = composed ? 0 : 1e-12;  // composed, it is these very ops
  for (std::int64_t k : {1, 3, 6, 100}) {
    expect_close(make(k)(in.queries, in.keys, in.values), bmm(sparse_softmax(scores, k), in.values),
                 tolerance);
    expect_close(make(k, {.scale = 0.25})(in.queries, in.keys, in.values),
                 bmm(sparse_softmax(scores * 0.25, k), in.values), tolerance);
  }
}

TEST_P(SparseAttention, AMaskTakesKeysOutBeforeTheSelection) {
  const Inputs in(2);
  // Keys 0 and 4 are hidden from all: what is left is the attention over the other four.
  const Tensor mask = tensor({0, 1, 1, 1, 0, 1});
  const Indices seen{1, 2, 3, 5};
  const nn::SparseAttention attention = make(2, {.scale = 0.5});
  expect_close(attention(in.queries, in.keys, in.values, mask),
               attention(in.queries, gather(in.keys, seen, 1), gather(in.values, seen, 1)));
}

TEST_P(SparseAttention, AFullyMaskedQueryGivesZerosAndNoGradient) {
  const Inputs in(3);
  Tensor mask = ones({4, 6}, float64);
  for (int j = 0; j < 6; ++j) mask.mutable_data<double>()[2 * 6 + j] = 0;  // query 2 sees nothing
  const nn::SparseAttention attention = make(3);
  const auto f = [&](const Tensors& x) { return attention(x[0], x[1], x[2], mask); };
  const Tensors inputs{in.queries, in.keys, in.values};
  expect_close(slice(f(inputs), 1, 2, 3), zeros({2, 1, 3}, float64), 0);
  expect_close(slice(gradients(f, inputs)[0], 1, 2, 3), zeros({2, 1, 5}, float64), 0);
}

TEST_P(SparseAttention, Gradcheck) {
  const Inputs in(4);
  Tensor causal = zeros({4, 6}, float64);
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j <= i; ++j) causal.mutable_data<double>()[i * 6 + j] = 1;
  }
  const nn::SparseAttention attention = make(3, {.scale = 0.3});
  const auto f = [&](const Tensors& x) { return attention(x[0], x[1], x[2], causal); };
  const GradcheckReport first = gradcheck(f, {in.queries, in.keys, in.values});
  EXPECT_TRUE(first.ok()) << first;
  EXPECT_EQ(first.kinks.size(), 0u) << first;
  const GradcheckReport second = gradgradcheck(f, {in.queries, in.keys, in.values});
  EXPECT_TRUE(second.ok()) << second;
}

// With as many queries as keys, with fewer, and with more: then the first queries see nothing.
TEST_P(SparseAttention, CausalIsAMaskByPosition) {
  const Inputs in(5);
  const nn::SparseAttention causal = make(3, {.scale = 0.5, .causal = true}), plain = make(3, {.scale = 0.5});
  const Tensor mask = tensor({1, 0, 1, 1, 1, 0});
  for (const std::int64_t m : {4, 6, 2}) {
    SCOPED_TRACE(m);
    const Tensors inputs{in.queries, slice(in.keys, 1, 0, m), slice(in.values, 1, 0, m)};
    const Tensor seen = seen_by_position(4, m), own = slice(mask, 0, 0, m);
    const std::vector<std::pair<MultiFunction, MultiFunction>> pairs{
        {[&](const Tensors& x) { return causal(x[0], x[1], x[2]); },
         [&](const Tensors& x) { return plain(x[0], x[1], x[2], seen); }},
        {[&](const Tensors& x) { return causal(x[0], x[1], x[2], own); },
         [&](const Tensors& x) { return plain(x[0], x[1], x[2], seen * own); }},
    };
    for (const auto& [f, expected] : pairs) {
      expect_close(f(inputs), expected(inputs));
      const Tensors found = gradients(f, inputs), wanted = gradients(expected, inputs);
      for (std::size_t i = 0; i < 3; ++i) expect_close(found[i], wanted[i]);
    }
    if (m == 2)
      expect_close(slice(causal(inputs[0], inputs[1], inputs[2]), 1, 0, 2), zeros({2, 2, 3}, float64), 0);
  }
}

TEST_P(SparseAttention, EmptyAndNaN) {
  const nn::SparseAttention attention = make(2);
  EXPECT_EQ(attention(ones({2, 0, 5}), ones({2, 3, 5}), ones({2, 3, 4})).shape(), (Shape{2, 0, 4}));
  expect_close(attention(ones({1, 2, 5}), ones({1, 0, 5}), ones({1, 0, 4})),
               zeros({1, 2, 4}));  // no key to look at
  Tensor queries = ones({1, 2, 1});
  queries.mutable_data<float>()[1] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<double> y = attention(queries, ones({1, 3, 1}), ones({1, 3, 1})).to_vector();
  EXPECT_EQ(y[0], 1);
  EXPECT_TRUE(std::isnan(y[1]));
}

TEST_P(SparseAttention, Errors) {
  const nn::SparseAttention attention = make(2);
  const Tensor q = ones({2, 3, 5}), k = ones({2, 4, 5}), v = ones({2, 4, 6});
  expect_error("SparseAttention", [] { make(0); }, {"k must be at least 1, got 0"});
  expect_error("SparseAttention", [&] { attention(ones({3, 5}), k, v); }, {"rank 3", "(3, 5)"});
  expect_error("SparseAttention",
               [&] {
                 attention(ones({1, 3, 5}), k, v);
               },
               {"batch", "(1, 3, 5)", "(2, 4, 5)"});
  expect_error("SparseAttention", [&] { attention(ones({2, 3, 7}), k, v); }, {"last extent", "(2, 3, 7)"});
  expect_error("SparseAttention", [&] { attention(q, k, ones({2, 3, 6})); }, {"number", "(2, 3, 6)"});
  expect_error("SparseAttention", [&] { attention(q, k, ones({2, 4, 6}, float64)); }, {"dtypes", "float64"});
  expect_error("SparseAttention", [&] { attention(q, k, v, ones({3, 3})); }, {"mask", "(2, 3, 4)", "(3, 3)"});
  expect_error("SparseAttention", [&] { attention(q, k, v, ones({1, 2, 3, 4})); }, {"mask", "(1, 2, 3, 4)"});
  expect_error("SparseAttention", [&] { attention(q, k, v, Tensor()); }, {"mask is an empty handle"});
}

}  // namespace
}  // namespace taper::test
