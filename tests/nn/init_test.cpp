// Initialisation: bounds and moments of each distribution, its formula element by element, and the errors.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

namespace init = nn::init;

constexpr std::int64_t inputs = 300, outputs = 500;

struct Moments {
  double mean = 0, deviation = 0, largest = 0, fourth = 0;  // fourth: E x^4 / (E x^2)^2
};

Moments moments_of(const Tensor& x) {
  Moments m;
  const auto n = static_cast<double>(x.size());
  double second = 0, fourth = 0;
  for (const double v : x.to_vector()) {
    m.mean += v / n;
    second += v * v / n;
    fourth += v * v * v * v / n;
    m.largest = std::max(m.largest, std::abs(v));
  }
  m.deviation = std::sqrt(second);
  m.fourth = fourth / (second * second);
  return m;
}

// 150000 draws against the deviation that the formulas give: as a share of it, their mean is off by some
// 0.0026, and their own deviation by some 0.0018 (normal) or less.
void expect_moments(const Tensor& weight, double deviation, bool uniform) {
  const Moments found = moments_of(weight);
  EXPECT_EQ(weight.shape(), (Shape{inputs, outputs}));
  EXPECT_TRUE(weight.wants_grad());
  EXPECT_NEAR(found.mean / deviation, 0, 0.016);
  EXPECT_NEAR(found.deviation / deviation, 1, 0.011);
  EXPECT_NEAR(found.fourth, uniform ? 1.8 : 3, 0.1);
  if (uniform) {
    const double bound = std::sqrt(3.0) * deviation;
    EXPECT_LE(found.largest, bound);
    EXPECT_GT(found.largest, 0.999 * bound);
  } else {
    EXPECT_GT(found.largest, 3.5 * deviation);
  }
}

TEST(Init, MomentsAndBounds) {
  const std::uint64_t seed = fresh_seed();
  SCOPED_TRACE(testing::Message() << "TAPER_SEED " << seed);
  Generator generator(seed);
  const Shape shape{inputs, outputs};
  const double xavier = std::sqrt(2.0 / (inputs + outputs)), kaiming = std::sqrt(1.0 / inputs);
  for (const double gain : {1.0, 0.5, 3.0}) {
    SCOPED_TRACE(gain);
    for (const DType dtype : {float32, float64}) {
      expect_moments(init::xavier_uniform(shape, generator, {.gain = gain, .dtype = dtype}), gain * xavier,
                     true);
      expect_moments(init::xavier_normal(shape, generator, {.gain = gain, .dtype = dtype}), gain * xavier,
                     false);
      expect_moments(init::kaiming_uniform(shape, generator, {.gain = gain, .dtype = dtype}), gain * kaiming,
                     true);
      expect_moments(init::kaiming_normal(shape, generator, {.gain = gain, .dtype = dtype}), gain * kaiming,
                     false);
    }
  }
  expect_moments(init::xavier_uniform(shape, generator), xavier, true);
  expect_moments(init::xavier_normal(shape, generator), xavier, false);
  expect_moments(init::kaiming_uniform(shape, generator), std::sqrt(2.0) * kaiming, true);
  expect_moments(init::kaiming_normal(shape, generator), std::sqrt(2.0) * kaiming, false);
}

// The papers' formulas, applied to the same stream: sqrt(6 / (in + out)) and sqrt(2 / (in + out)) of Glorot
// and Bengio, sqrt(6 / in) and sqrt(2 / in) of He et al.
TEST(Init, IsItsFormulaElementByElement) {
  Generator one(1), two(1);
  const Shape shape{6, 4};
  const DType dtype = float64;
  const auto expect_uniform = [&](const Tensor& weight, double bound) {
    EXPECT_EQ(weight.dtype(), float64);
    expect_close(weight, (uniform(shape, 0, 1, two, float64) * 2.0 - 1.0) * bound);
  };
  const auto expect_normal = [&](const Tensor& weight, double deviation) {
    EXPECT_EQ(weight.dtype(), float64);
    expect_close(weight, randn(shape, two, float64) * deviation);
  };
  expect_uniform(init::xavier_uniform(shape, one, {.dtype = dtype}), std::sqrt(6.0 / 10));
  expect_normal(init::xavier_normal(shape, one, {.dtype = dtype}), std::sqrt(2.0 / 10));
  expect_uniform(init::kaiming_uniform(shape, one, {.dtype = dtype}), std::sqrt(6.0 / 6));
  expect_normal(init::kaiming_normal(shape, one, {.dtype = dtype}), std::sqrt(2.0 / 6));
  expect_uniform(init::xavier_uniform(shape, one, {.gain = 5.0 / 3, .dtype = dtype}),
                 5.0 / 3 * std::sqrt(6.0 / 10));
  expect_normal(init::kaiming_normal(shape, one, {.gain = 1, .dtype = dtype}), std::sqrt(1.0 / 6));
}

// What the formulas are for: ten layers with relu keep the mean square of what goes in.
TEST(Init, KaimingKeepsTheMeanSquareThroughRelu) {
  Generator generator(2);
  Tensor x = randn({64, 512}, generator);
  for (int layer = 0; layer < 10; ++layer) {
    nn::Linear line(512, 512, generator, {.bias = false});
    line.weight = init::kaiming_normal({512, 512}, generator);
    x = relu(line(x));
  }
  const double mean_square = mean(square(x)).item();
  EXPECT_GT(mean_square, 0.3);  // 1 on average, halved or doubled by chance; 1e-8 with Linear's own start
  EXPECT_LT(mean_square, 3);
}

TEST(Init, OverwritesAWeight) {
  Generator generator(3);
  nn::TransformerBlock block(4, 2, 2, generator);
  block.attention.query.weight = init::xavier_normal({4, 4}, generator);
  EXPECT_EQ(&block.parameters()[2].impl(), &block.attention.query.weight.impl());
  EXPECT_TRUE(block.parameters()[2].wants_grad());
}

TEST(Init, Errors) {
  Generator generator(4);
  using Xavier = Tensor (*)(const Shape&, Generator&, const init::XavierOptions&);
  using Kaiming = Tensor (*)(const Shape&, Generator&, const init::KaimingOptions&);
  const auto expect_errors = [&]<class Options>(const char* name,
                                                Tensor (*make)(const Shape&, Generator&, const Options&)) {
    for (const Shape& shape : {Shape{3}, Shape{2, 3, 4}, Shape{0, 3}, Shape{3, -1}}) {
      expect_error(name, [&] { make(shape, generator, {}); }, {"(inputs, outputs)", printed(shape)});
    }
    for (const double gain :
         {0.0, -1.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
      expect_error(name, [&] { make({2, 3}, generator, {.gain = gain}); }, {"gain", printed(gain)});
    }
  };
  expect_errors("xavier_uniform", Xavier(init::xavier_uniform));
  expect_errors("xavier_normal", Xavier(init::xavier_normal));
  expect_errors("kaiming_uniform", Kaiming(init::kaiming_uniform));
  expect_errors("kaiming_normal", Kaiming(init::kaiming_normal));
}

}  // namespace
}  // namespace taper::test
