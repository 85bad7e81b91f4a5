// Conv2d, the pooling layers and Flatten.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

TEST(Conv2d, ComputesTheOpWithItsOptions) {
  Generator generator(1);
  const nn::Conv2d layer(
      4, 6, {3, 2}, generator,
      {.stride = {1, 2}, .padding = {2, 0}, .dilation = {2, 1}, .groups = 2, .dtype = float64});
  EXPECT_EQ(layer.weight.shape(), (Shape{6, 2, 3, 2}));
  EXPECT_EQ(layer.bias.shape(), (Shape{6}));
  const Tensor x = randn({2, 4, 5, 6}, generator, float64);
  expect_same(layer(x), conv2d(x, layer.weight, layer.bias,
                               {.stride = {1, 2}, .padding = {2, 0}, .dilation = {2, 1}, .groups = 2}));
}

TEST(Conv2d, HasNoBiasIfItIsToHaveNone) {
  const nn::Conv2d layer(1, 2, 3, {.bias = false});
  EXPECT_FALSE(layer.bias);
  EXPECT_EQ(layer.named_parameters().size(), 1u);
  const Tensor x = ones({1, 1, 3, 4});
  expect_same(layer(x), conv2d(x, layer.weight));
}

TEST(Conv2d, StartsUniformWithinTheRootOfWhatAnOutputReads) {
  Generator generator(2);
  const nn::Conv2d layer(8, 200, {5, 3}, generator, {.groups = 2});
  const double bound = 1 / std::sqrt(4. * 15);
  for (const auto& [name, parameter] : layer.named_parameters()) {
    SCOPED_TRACE(name);
    EXPECT_TRUE(parameter.wants_grad());
    EXPECT_LE(max(abs(parameter)).item(), bound);
    EXPECT_GT(max(parameter).item(), 0.9 * bound);
    EXPECT_LT(min(parameter).item(), -0.9 * bound);
  }
}

TEST(Conv2d, SaysWhatDoesNotFit) {
  expect_error("Conv2d", [] { nn::Conv2d(0, 1, 3); }, {"0, 1 and {3, 3}"});
  expect_error("Conv2d", [] { nn::Conv2d(1, 1, {3, 0}); }, {"{3, 0}"});
  expect_error("Conv2d", [] { nn::Conv2d(4, 6, 3, {.groups = 4}); }, {"4 groups", "4 inputs", "6 outputs"});
  const nn::Conv2d layer(3, 2, 3);
  expect_error("Conv2d",
               [&] {
                 layer(ones({2, 4, 5, 5}));
               },
               {"float32 of shape (batch, 3, height, width)", "(2, 4, 5, 5)"});
  expect_error("Conv2d", [&] { layer(ones({3, 5, 5})); }, {"(3, 5, 5)"});
  expect_error("Conv2d", [&] { layer(ones({1, 3, 5, 5}, float64)); }, {"float32", "float64"});
  expect_error("conv2d", [&] { layer(ones({1, 3, 2, 5})); }, {"weight does not fit", "(in Conv2d)"});
}

TEST(PoolLayers, ComputeTheOps) {
  const Tensor x = randn({2, 3, 6, 8});
  expect_same(nn::MaxPool2d(2)(x), max_pool2d(x, 2));
  expect_same(nn::MaxPool2d({3, 2}, {.stride = 1, .padding = 1})(x),
              max_pool2d(x, {3, 2}, {.stride = 1, .padding = 1}));
  expect_same(nn::AvgPool2d({2, 4}, {.stride = {1, 2}})(x), avg_pool2d(x, {2, 4}, {.stride = {1, 2}}));
  EXPECT_TRUE(nn::MaxPool2d(2).parameters().empty());
}

TEST(Flatten, MakesEachExampleOneRow) {
  const Tensor x = randn({2, 3, 4, 5});
  expect_same(nn::Flatten()(x), reshape(x, {2, 60}));
  EXPECT_EQ(nn::Flatten()(ones({3, 4})).shape(), (Shape{3, 4}));
  expect_error("Flatten", [] { nn::Flatten()(ones({3})); }, {"(batch, …)", "(3,)"});
}

// LeNet in a few lines learns which of four quarters of a picture is bright.
TEST(Conv2d, LearnsWithinSequential) {
  Generator generator(4);
  nn::Sequential model{nn::Conv2d(1, 4, 3, generator, {.padding = 1}),
                       relu,
                       nn::MaxPool2d(2),
                       nn::Conv2d(4, 8, 3, generator),
                       relu,
                       nn::AvgPool2d(2),
                       nn::Flatten(),
                       nn::Linear(8, 4, generator)};
  Tensor x = uniform({64, 1, 8, 8}, 0, 0.5, generator);
  std::vector<std::int64_t> quarters;
  for (std::int64_t b = 0; b < 64; ++b) {
    quarters.push_back(b % 4);
    for (std::int64_t i = 0; i < 16; ++i)
      x.mutable_data<float>()[b * 64 + (b % 4 / 2 * 4 + i / 4) * 8 + b % 2 * 4 + i % 4] += 0.5F;
  }
  const Indices y(quarters, {64});
  optim::Adam adam(model.parameters(), {.learning_rate = 0.02});
  for (int step = 0; step < 60; ++step) {
    Tape tape;
    const Tensor loss = nn::cross_entropy(model(x), y);
    adam.zero_grad();
    tape.backward(loss);
    adam.step();
  }
  EXPECT_LT(nn::cross_entropy(model(x), y).item(), 0.1);
}

}  // namespace
}  // namespace taper::test
