// MultiHeadSparseAttention against the same, head by head, in plain ops; its gradients, masks, errors
// and parameters.
#include "support/attention.hpp"
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using nn::MultiHeadSparseAttention;

constexpr std::int64_t width = 6, heads = 3;

// Every test runs for both forms.
class MultiHead : public testing::TestWithParam<nn::AttentionMethod> {
 protected:
  MultiHeadSparseAttention make(std::int64_t k, bool causal = false) {
    return {width, heads, k, generator, {.causal = causal, .dtype = float64, .method = GetParam()}};
  }
  Tensor random(const Shape& shape) { return randn(shape, generator, float64); }

  Generator generator{7};
};
INSTANTIATE_TEST_SUITE_P(Forms, MultiHead,
                         testing::Values(nn::AttentionMethod::composed, nn::AttentionMethod::fused),
                         [](const auto& info) {
                           return info.param == nn::AttentionMethod::fused ? "fused" : "composed";
                         });

// The formula of the header, one head after the other.
Tensor head_by_head(const MultiHeadSparseAttention& model, std::int64_t k, const Tensor& x, const Tensor& y,
                    const AttentionOptions& options = {}) {
  const auto project = [](const Tensor& t, const nn::Linear& line) {
    return matmul(t, line.weight) + line.bias;
  };
  const Tensor q = project(x, model.query), keys = project(y, model.key), v = project(y, model.value);
  const std::int64_t d = width / heads;
  Tensors outputs;
  for (std::int64_t at = 0; at < width; at += d) {
    const auto columns = [&](const Tensor& t) { return slice(t, 2, at, at + d); };
    AttentionOptions scaled = options;
    scaled.scale = 1 / std::sqrt(static_cast<double>(d));
    outputs.push_back(composed_attention(columns(q), columns(keys), columns(v), k, scaled));
  }
  return project(concat(outputs, 2), model.output);
}

// Values, and the gradients of the inputs and of all parameters.
Tensors all_of(const MultiHeadSparseAttention& model, const MultiFunction& f, const Tensors& inputs) {
  Tensors leaves;
  for (const Tensor& input : inputs) leaves.push_back(input.clone().requires_grad());
  Generator generator(1);
  Tape tape;
  const Tensor y = f(leaves);
  for (const Tensor& parameter : model.parameters()) leaves.push_back(parameter);
  Tensors result = tape.gradient(y, leaves, {.cotangent = randn(y.shape(), generator, y.dtype())});
  result.push_back(y);
  return result;
}

void expect_equal(const MultiHeadSparseAttention& model, const MultiFunction& f,
                  const MultiFunction& expected, const Tensors& inputs) {
  const Tensors found = all_of(model, f, inputs), wanted = all_of(model, expected, inputs);
  ASSERT_EQ(found.size(), inputs.size() + 9);
  for (std::size_t i = 0; i < found.size(); ++i) {
    SCOPED_TRACE(i);
    expect_close(found[i], wanted[i]);
  }
}

TEST_P(MultiHead, AgreesHeadByHead) {
  for (const std::int64_t k : {1, 2, 4, 100}) {
    SCOPED_TRACE(k);
    const MultiHeadSparseAttention attention = make(k);
    expect_equal(
        attention, [&](const Tensors& x) { return attention(x[0]); },
        [&](const Tensors& x) { return head_by_head(attention, k, x[0], x[0]); }, {random({2, 5, width})});
    expect_equal(
        attention, [&](const Tensors& x) { return attention(x[0], x[1]); },
        [&](const Tensors& x) { return head_by_head(attention, k, x[0], x[1]); },
        {random({2, 5, width}), random({2, 7, width})});
  }
}

TEST_P(MultiHead, CausalAgreesHeadByHead) {
  const MultiHeadSparseAttention attention = make(2, true);
  const Tensor mask = tensor({1, 1, 0, 1, 1});
  expect_equal(
      attention, [&](const Tensors& x) { return attention(x[0]); },
      [&](const Tensors& x) { return head_by_head(attention, 2, x[0], x[0], {.causal = true}); },
      {random({2, 5, width})});
  expect_equal(
      attention, [&](const Tensors& x) { return attention(x[0], {.mask = mask}); },
      [&](const Tensors& x) {
        return head_by_head(attention, 2, x[0], x[0], {.causal = true, .mask = mask});
      },
      {random({2, 5, width})});
  for (const std::int64_t m : {8, 3}) {
    expect_equal(
        attention, [&](const Tensors& x) { return attention(x[0], x[1]); },
        [&](const Tensors& x) { return head_by_head(attention, 2, x[0], x[1], {.causal = true}); },
        {random({2, 5, width}), random({2, m, width})});
  }
}

// Masks of every shape, with another one for each problem of the batch if the shape has room for that.
TEST_P(MultiHead, MasksAgreeHeadByHead) {
  const MultiHeadSparseAttention attention = make(2);
  const Tensor x = random({2, 4, width}), y = random({2, 5, width});
  for (const Shape& shape :
       {Shape{}, Shape{5}, Shape{4, 5}, Shape{4, 1}, Shape{1, 4, 5}, Shape{1, 1, 5}, Shape{1, 4, 1},
        Shape{2, 4, 5}, Shape{2, 1, 5}, Shape{2, 4, 1}, Shape{2, 1, 1}}) {
    SCOPED_TRACE(printed(shape));
    Tensor mask = ones(shape);
    for (std::int64_t i = 0; i < mask.size() - 1; ++i) {
      if (generator.uniform() < 0.4) mask.mutable_data<float>()[i] = 0;
    }
    expect_equal(
        attention, [&](const Tensors& in) { return attention(in[0], in[1], {.mask = mask}); },
        [&](const Tensors& in) { return head_by_head(attention, 2, in[0], in[1], {.mask = mask}); }, {x, y});
    if (HasFailure()) return;
  }
  const Tensor mask = seen_by_position(4, 4);
  expect_close(attention(x, {.mask = mask}), attention(x, x, {.mask = mask}), 0);
}

TEST_P(MultiHead, AQueryThatSeesNothingGivesTheBias) {
  const MultiHeadSparseAttention attention = make(2);
  const Tensor y = attention(random({1, 2, width}), {.mask = tensor({{0, 0}, {1, 1}})});
  expect_close(slice(y, 1, 0, 1), reshape(attention.output.bias, {1, 1, width}));
}

TEST_P(MultiHead, Gradcheck) {
  for (const bool causal : {false, true}) {
    MultiHeadSparseAttention model = make(2, causal);
    const auto f = [&](const Tensors& x) {
      std::size_t next = 2;
      for (nn::Linear* line : {&model.query, &model.key, &model.value, &model.output}) {
        line->weight = x[next++], line->bias = x[next++];
      }
      return model(x[0], x[1]);
    };
    Tensors inputs{random({2, 3, width}), random({2, 4, width})};
    for (const Tensor& parameter : model.parameters()) inputs.push_back(parameter.clone());
    const GradcheckReport first = gradcheck(f, inputs);
    EXPECT_TRUE(first.ok()) << first;
    EXPECT_EQ(first.kinks.size(), 0u) << first;
    const GradcheckReport second = gradgradcheck(f, inputs);
    EXPECT_TRUE(second.ok()) << second;
  }
}

TEST_P(MultiHead, CausalOutputsDoNotDependOnWhatComesLater) {
  const MultiHeadSparseAttention attention = make(3, true);
  const Tensor x = random({2, 9, width});
  for (const std::int64_t at : {1, 4, 8}) {
    const Tensor changed = concat({slice(x, 1, 0, at), random({2, 9 - at, width})}, 1);
    const Tensor before = attention(x), after = attention(changed);
    expect_same(slice(after, 1, 0, at), slice(before, 1, 0, at));
    EXPECT_GT(sum(abs(slice(after, 1, at, 9) - slice(before, 1, at, 9))).item(), 0.1);
  }
}

TEST_P(MultiHead, FollowsPermutations) {
  const MultiHeadSparseAttention attention = make(3);
  const Tensor x = random({2, 6, width}), y = random({2, 5, width});
  const Indices order{4, 0, 5, 1, 3, 2}, other{2, 4, 1, 0, 3};
  expect_close(attention(gather(x, order, 1)), gather(attention(x), order, 1));
  expect_close(attention(x, gather(y, other, 1)), attention(x, y));
}

TEST_P(MultiHead, EmptyBatchesAndSequences) {
  const MultiHeadSparseAttention attention = make(2, true);
  for (const Shape& shape : {Shape{0, 3, width}, Shape{2, 0, width}}) {
    EXPECT_EQ(attention(zeros(shape, float64)).shape(), shape);
  }
  const Tensor mask = ones({0, 3, 3});
  EXPECT_EQ(attention(zeros({0, 3, width}, float64), {.mask = mask}).shape(), (Shape{0, 3, width}));
  const Tensor y = attention(random({2, 3, width}), zeros({2, 0, width}, float64));
  expect_close(y, broadcast_to(attention.output.bias, {2, 3, width}));
}

TEST_P(MultiHead, Errors) {
  const char* name = "MultiHeadSparseAttention";
  const MultiHeadSparseAttention attention = make(2);
  const Tensor x = ones({2, 3, width}, float64), y = ones({2, 4, width}, float64);
  expect_error(name, [] { MultiHeadSparseAttention(6, 4, 2); },
               {"width", "multiple of heads", "got 6", "4 heads"});
  expect_error(name, [] { MultiHeadSparseAttention(0, 4, 2); }, {"width", "got 0"});
  expect_error(name, [] { MultiHeadSparseAttention(-4, 4, 2); }, {"width", "got -4"});
  expect_error(name, [] { MultiHeadSparseAttention(6, 0, 2); }, {"heads must be at least 1, got 0"});
  expect_error(name, [] { MultiHeadSparseAttention(6, 2, 0); }, {"k must be at least 1, got 0"});
  expect_error(name,
               [&] {
                 attention(ones({3, width}, float64));
               },
               {"x must be", "(3, 6)", "(batch, positions, 6)"});
  expect_error(name, [&] { attention(ones({2, 3, 5}, float64)); }, {"x must be", "(2, 3, 5)"});
  expect_error(name, [&] { attention(ones({2, 3, width})); }, {"x must be float64", "got float32 (2, 3, 6)"});
  expect_error(name, [&] { attention(ones({3, 5}), y); }, {"queries_from must be", "(3, 5)"});
  expect_error(name,
               [&] {
                 attention(x, ones({2, 4, 5}, float64));
               },
               {"keys_and_values_from must be", "(2, 4, 5)"});
  expect_error(name, [&] { attention(x, slice(y, 0, 0, 1)); }, {"batch", "(2, 3, 6)", "(1, 4, 6)"});
  expect_error(name, [&] { attention(x, {.mask = ones({3, 4})}); }, {"mask", "(2, 3, 3)", "got (3, 4)"});
  // This mask would broadcast to the scores of all heads, (6, 3, 4).
  expect_error(name,
               [&] {
                 attention(x, y, {.mask = ones({6, 3, 4})});
               },
               {"mask", "(2, 3, 4)", "got (6, 3, 4)"});
  expect_error(name, [&] { attention(x, y, {.mask = ones({1, 2, 3, 4})}); }, {"mask", "(1, 2, 3, 4)"});
  expect_error("MultiHeadSparseAttention", [&] { attention(Tensor()); }, {"x is an empty handle"});
}

TEST(MultiHeadSparseAttention, NamesItsParameters) {
  std::vector<std::string> names;
  for (const auto& [name, parameter] : MultiHeadSparseAttention(4, 2, 3).named_parameters()) {
    names.push_back(name);
    EXPECT_TRUE(parameter.wants_grad());
    EXPECT_EQ(parameter.dtype(), float32);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"query.weight", "query.bias", "key.weight", "key.bias",
                                             "value.weight", "value.bias", "output.weight", "output.bias"}));
  const MultiHeadSparseAttention without(4, 2, 3, {.bias = false, .dtype = float64});
  EXPECT_EQ(without.parameters().size(), 4u);
  for (const Tensor& parameter : without.parameters()) EXPECT_EQ(parameter.dtype(), float64);
  EXPECT_EQ(without(ones({1, 2, 4}, float64)).shape(), (Shape{1, 2, 4}));
}

TEST(MultiHeadSparseAttention, IsFusedByDefaultAndEqualInBothForms) {
  Generator one(9), two(9), three(9);
  const MultiHeadSparseAttention standard(8, 2, 3, one, {.dtype = float64});
  const MultiHeadSparseAttention fused(8, 2, 3, two,
                                       {.dtype = float64, .method = nn::AttentionMethod::fused});
  const MultiHeadSparseAttention composed(8, 2, 3, three,
                                          {.dtype = float64, .method = nn::AttentionMethod::composed});
  const Tensor x = randn({2, 7, 8}, one, float64);
  const auto found = [&](const MultiHeadSparseAttention& model) {
    return all_of(model, [&](const Tensors& in) { return model(in[0]); }, {x});
  };
  const Tensors a = found(standard), b = found(fused), c = found(composed);
  for (std::size_t i = 0; i < a.size(); ++i) {
    expect_same(a[i], b[i]);
    expect_close(b[i], c[i]);
  }
  // The composition has several nodes where the op has one.
  const auto nodes = [&](const MultiHeadSparseAttention& model) {
    Tape tape;
    model(x);
    return tape.node_count();
  };
  EXPECT_EQ(nodes(standard), nodes(fused));
  EXPECT_LT(nodes(fused), nodes(composed));
}

// The four start as Linear from the same generator would, one after the other.
TEST(MultiHeadSparseAttention, DrawsItsProjectionsInOrder) {
  Generator one(11), two(11);
  const MultiHeadSparseAttention model(4, 2, 3, one);
  for (const nn::Linear* line : {&model.query, &model.key, &model.value, &model.output}) {
    const nn::Linear expected(4, 4, two);
    expect_same(line->weight, expected.weight);
    expect_same(line->bias, expected.bias);
  }
}

}  // namespace
}  // namespace taper::test
