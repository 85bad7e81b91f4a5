// The activations as modules: each is the op of its name.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

TEST(Activations, AreTheOpsOfTheirNames) {
  Generator generator(1);
  const Tensor x = randn({3, 5}, generator, float64);
  expect_same(nn::Relu()(x), relu(x));
  expect_same(nn::Elu()(x), elu(x, 1));
  expect_same(nn::Elu(0.5)(x), elu(x, 0.5));
  expect_same(nn::LeakyRelu()(x), leaky_relu(x, 0.01));
  expect_same(nn::LeakyRelu(0.3)(x), leaky_relu(x, 0.3));
  expect_same(nn::Gelu()(x), gelu(x));
  expect_same(nn::Silu()(x), silu(x));
  expect_same(nn::Softplus()(x), softplus(x));
  expect_same(nn::Sigmoid()(x), sigmoid(x));
  expect_same(nn::LogSigmoid()(x), log_sigmoid(x));
  expect_same(nn::Tanh()(x), tanh(x));
  expect_same(nn::Softmax()(x), softmax(x, -1));
  expect_same(nn::Softmax(0)(x), softmax(x, 0));
}

TEST(Activations, StandInSequentialWithTheirNames) {
  Generator generator(2);
  const nn::Linear first(2, 8, generator), last(8, 3, generator);
  const nn::Sequential model{first, nn::LeakyRelu(0.1), last, nn::Softmax()};
  const Tensor x = randn({4, 2}, generator);
  expect_same(model(x), softmax(last(leaky_relu(first(x), 0.1))));
  EXPECT_EQ(model.parameters().size(), 4u);
  EXPECT_NE(printed(model).find("1: LeakyRelu"), std::string::npos) << printed(model);
}

TEST(Activations, Errors) {
  expect_error("silu", [] { nn::Silu()(Tensor()); }, {"x is an empty handle"});
  expect_error("softmax", [] { nn::Softmax(2)(ones({3})); }, {"axis"});
}

}  // namespace
}  // namespace taper::test
