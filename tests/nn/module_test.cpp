// Modules: their parameters by name, Linear and Embedding against plain loops, and the errors of both.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

struct Inner : nn::Module {
  nn::Linear first{2, 3}, second{3, 1, {.bias = false}};
  void list(nn::Parts& parts) const override { parts.add("first", first), parts.add("second", second); }
};

struct Outer : nn::Module {
  Inner inner;
  nn::Embedding table{4, 2};
  Tensor scale = ones({}).requires_grad();
  void list(nn::Parts& parts) const override {
    parts.add("inner", inner), parts.add("scale", scale), parts.add("table", table);
  }
};

std::vector<std::string> names(const nn::Module& module) {
  std::vector<std::string> result;
  for (const auto& [name, parameter] : module.named_parameters()) result.push_back(name);
  return result;
}

TEST(Module, NamesParametersDepthFirst) {
  const Outer outer;
  EXPECT_EQ(names(outer), (std::vector<std::string>{"inner.first.weight", "inner.first.bias",
                                                    "inner.second.weight", "scale", "table.table"}));
  EXPECT_EQ(outer.parameters().size(), 5u);
  EXPECT_EQ(&outer.parameters()[3].impl(), &outer.scale.impl());  // shared, not copied
}

TEST(Module, ZeroGradClearsEveryParameter) {
  const Outer outer;
  Tape tape;
  tape.backward(sum(outer.inner.second(outer.inner.first(ones({2, 2})))) * outer.scale);
  EXPECT_TRUE(outer.scale.grad());
  outer.zero_grad();
  for (const Tensor& parameter : outer.parameters()) EXPECT_FALSE(parameter.grad());
}

TEST(Module, ACopySharesItsParameters) {
  const nn::Linear line(2, 2);
  nn::Linear copy = line;
  copy.weight.mutable_data<float>()[0] = 42;
  EXPECT_EQ(line.weight.data<float>()[0], 42);
}

TEST(Linear, IsAnAffineMapOfTheLastAxis) {
  Generator generator(3);
  const nn::Linear layer(3, 2, generator, {.dtype = float64});
  const Tensor x = randn({2, 2, 3}, generator, float64);
  const auto w = layer.weight.to_vector(), b = layer.bias.to_vector(), in = x.to_vector();
  std::vector<double> expected;
  for (std::size_t row = 0; row < 4; ++row) {
    for (std::size_t out = 0; out < 2; ++out) {
      double y = b[out];
      for (std::size_t i = 0; i < 3; ++i) y += in[row * 3 + i] * w[i * 2 + out];
      expected.push_back(y);
    }
  }
  const Tensor y = layer(x);
  EXPECT_EQ(y.shape(), (Shape{2, 2, 2}));
  expect_values(y, expected);
}

TEST(Linear, GradientsOfInputWeightAndBias) {
  Generator generator(4);
  const auto f = [](const Tensors& x) {
    nn::Linear layer(3, 2, {.dtype = float64});
    layer.weight = x[1], layer.bias = x[2];
    return layer(x[0]);
  };
  const Tensors inputs{randn({2, 2, 3}, generator, float64), randn({3, 2}, generator, float64),
                       randn({2}, generator, float64)};
  const GradcheckReport first = gradcheck(f, inputs), second = gradgradcheck(f, inputs);
  EXPECT_TRUE(first.ok()) << first;
  EXPECT_TRUE(second.ok()) << second;
}

TEST(Linear, StartsWithinItsBound) {
  Generator generator(5);
  const nn::Linear layer(16, 64, generator);
  double largest = 0;
  for (double w : layer.weight.to_vector()) largest = std::max(largest, std::abs(w));
  EXPECT_LE(largest, 0.25);  // 1 / sqrt(16)
  EXPECT_GT(largest, 0.24);
  EXPECT_FALSE(nn::Linear(2, 2, {.bias = false}).bias);
}

TEST(Linear, Errors) {
  const nn::Linear layer(3, 2);
  expect_error("Linear", [&] { layer(ones({2, 4})); }, {"float32", "3 as its last extent", "(2, 4)"});
  expect_error("Linear", [&] { layer(ones({2, 3}, float64)); }, {"float64"});
  expect_error("Linear", [&] { layer(ones({})); }, {"()"});
  expect_error("Linear", [] { nn::Linear(0, 2); }, {"0 and 2"});
}

TEST(Embedding, PicksRowsAndReturnsTheirGradients) {
  Generator generator(6);
  const nn::Embedding embedding(4, 3, generator, float64);
  const Tensor y = embedding(Indices({2, 0, 2, 1}, {2, 2}));
  EXPECT_EQ(y.shape(), (Shape{2, 2, 3}));
  const auto table = embedding.table.to_vector(), out = y.to_vector();
  EXPECT_EQ(std::vector<double>(out.begin(), out.begin() + 3),
            std::vector<double>(table.begin() + 6, table.begin() + 9));
  Tape tape;
  tape.backward(sum(embedding({2, 0, 2, 1})));
  expect_values(embedding.table.grad(), {1, 1, 1, 1, 1, 1, 2, 2, 2, 0, 0, 0});
}

TEST(Embedding, Errors) {
  const nn::Embedding embedding(4, 3);
  expect_error("gather", [&] { embedding({0, 4}); }, {"4", "(4, 3)"});
  expect_error("Embedding", [] { nn::Embedding(4, 0); }, {"4 and 0"});
}

TEST(Cuda, SaysWhatItWasBuiltWith) {
  EXPECT_FALSE(cuda::description().empty());
  if (cuda::description() == "built without CUDA") {
    EXPECT_FALSE(cuda::available());
  }
}

}  // namespace
}  // namespace taper::test
