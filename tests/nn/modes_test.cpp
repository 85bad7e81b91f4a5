// Training and evaluation modes: that they reach every module, and Dropout, which they are for.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <limits>
#include <thread>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using nn::Dropout;

struct Inner : nn::Module {
  nn::Linear line{2, 2};
  Dropout dropout{0.5};
  void list(nn::Parts& parts) const override { parts.add("line", line), parts.add("dropout", dropout); }
};

struct Outer : nn::Module {
  Inner inner;
  nn::Sequential steps{nn::Linear(2, 2), relu, nn::Sequential(Dropout(0.5)), Inner().dropout};
  nn::TransformerBlock block{2, 1, 1, {.dropout = 0.5}};
  void list(nn::Parts& parts) const override {
    parts.add("inner", inner), parts.add("steps", steps), parts.add("block", block);
  }
};

std::vector<const nn::Module*> all_of(const Outer& outer) {
  const nn::Sequential& steps = outer.steps;
  return {&outer,
          &outer.inner,
          &outer.inner.line,
          &outer.inner.dropout,
          &steps,
          &steps.at<nn::Linear>(0),
          &steps.at<nn::Sequential>(2),
          &steps.at<nn::Sequential>(2).at<Dropout>(0),
          &steps.at<Dropout>(3),
          &outer.block,
          &std::get<nn::LayerNorm>(outer.block.norm1),
          &outer.block.attention,
          &outer.block.attention.query,
          &std::get<nn::LayerNorm>(outer.block.norm2),
          &outer.block.mlp.hidden,
          &outer.block.dropout};
}

void expect_mode(const Outer& outer, bool training) {
  const auto modules = all_of(outer);
  for (std::size_t i = 0; i < modules.size(); ++i) EXPECT_EQ(modules[i]->is_training(), training) << i;
}

TEST(Modes, StartInTrainingAndReachEveryModule) {
  const Outer outer;
  expect_mode(outer, true);
  outer.eval();
  expect_mode(outer, false);
  outer.train();
  expect_mode(outer, true);
  outer.train(false);
  expect_mode(outer, false);
}

TEST(Modes, OfAPartAloneLeaveTheRest) {
  const Outer outer;
  outer.inner.eval();
  EXPECT_TRUE(outer.is_training());
  EXPECT_FALSE(outer.inner.dropout.is_training());
  EXPECT_TRUE(outer.block.dropout.is_training());
}

TEST(Modes, ACopyStartsInTheModeOfItsOriginalAndGoesItsOwnWay) {
  const Outer outer;
  outer.eval();
  const Outer copy = outer;
  expect_mode(copy, false);
  copy.train();
  expect_mode(copy, true);
  expect_mode(outer, false);
}

TEST(Modes, ChangeNoParameter) {
  const Outer outer;
  const auto before = outer.named_parameters();
  outer.eval();
  const auto after = outer.named_parameters();
  ASSERT_EQ(before.size(), after.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i].first, after[i].first);
    EXPECT_EQ(&before[i].second.impl(), &after[i].second.impl());
  }
}

// One uniform() for each element in row-major order, dropped below p: written down once more.
TEST(Dropout, IsItsFormulaInBothTypes) {
  for (const DType dtype : {float32, float64}) {
    Generator generator(3), same(3), own(4);
    const Tensor x = randn({3, 4, 5}, own, dtype);
    const Dropout dropout(0.3, generator);
    for (int call = 0; call < 2; ++call) {  // the second call goes on in the stream
      std::vector<double> expected;
      for (const double value : x.to_vector()) expected.push_back(same.uniform() < 0.3 ? 0 : value / 0.7);
      const Tensor y = dropout(x);
      EXPECT_EQ(y.dtype(), dtype);
      expect_close(y, Array{x.shape(), expected}, dtype == float32 ? 1e-6 : 1e-12);
    }
  }
}

TEST(Dropout, DropsTheShareThatItIsToldAndKeepsTheMean) {
  const std::uint64_t seed = fresh_seed();
  Generator generator(seed);
  constexpr std::int64_t n = 200000;
  for (const double p : {0.1, 0.5, 0.9}) {
    SCOPED_TRACE(testing::Message() << "p " << p << ", TAPER_SEED " << seed);
    double dropped = 0, total = 0;
    for (const double y : Dropout(p, generator)(ones({n}, float64)).to_vector()) {
      if (y == 0) ++dropped;
      total += y;
    }
    // Six standard deviations of a binomial: one false alarm in half a billion runs.
    const double deviation = std::sqrt(p * (1 - p) / n);
    EXPECT_NEAR(dropped / n, p, 6 * deviation);
    EXPECT_NEAR(total / n, 1, 6 * deviation / (1 - p));
  }
}

TEST(Dropout, GradientIsTheMaskOfTheSameCall) {
  Generator generator(5);
  const Dropout dropout(0.4, generator);
  const Tensor x = ones({50}, float64).requires_grad();
  Tape tape;
  const Tensor y = dropout(x);
  tape.backward(sum(y));
  expect_same(x.grad(), y);
}

TEST(Dropout, Gradcheck) {
  const auto f = [](const Tensors& x) {
    Generator generator(6);
    return square(Dropout(0.4, generator)(x[0]));
  };
  Generator own(7);
  const Tensors inputs{randn({4, 5}, own, float64)};
  const GradcheckReport first = gradcheck(f, inputs), second = gradgradcheck(f, inputs);
  EXPECT_TRUE(first.ok()) << first;
  EXPECT_TRUE(second.ok()) << second;
}

TEST(Dropout, TheStreamGivesTheMask) {
  Generator one(8), two(8);
  const Tensor x = ones({100});
  const Tensor first = Dropout(0.5, one)(x);
  expect_same(Dropout(0.5, two)(x), first);
  const Generator kept = one;  // a copy is the state
  const Dropout dropout(0.5, one);
  const Tensor second = dropout(x), third = dropout(x);
  EXPECT_GT(sum(abs(second - first)).item(), 0);
  EXPECT_GT(sum(abs(third - second)).item(), 0);
  one = kept;
  expect_same(dropout(x), second);
  expect_same(dropout(x), third);
}

TEST(Dropout, WithoutAGeneratorDrawsFromTheDefaultOneOfTheCallingThread) {
  const Generator kept = default_generator();
  const Dropout dropout(0.5);
  Generator generator(9);
  const Tensor x = ones({100}), expected = Dropout(0.5, generator)(x);
  default_generator() = Generator(9);
  expect_same(dropout(x), expected);
  Tensor elsewhere;
  std::thread([&] {
    default_generator() = Generator(9);
    elsewhere = dropout(x);
  }).join();
  expect_same(elsewhere, expected);
  default_generator() = kept;
}

TEST(Dropout, IsTheIdentityInEvaluationAndWithPZeroAndThenDrawsNothing) {
  Generator generator(10), untouched(10);
  const Tensor x = ones({3});
  EXPECT_EQ(&Dropout(0, generator)(x).impl(), &x.impl());
  const Dropout dropout(0.5, generator);
  dropout.eval();
  EXPECT_EQ(&dropout(x).impl(), &x.impl());
  EXPECT_EQ(generator.bits(), untouched.bits());
}

TEST(Dropout, EmptyScalarAndErrors) {
  Generator generator(11);
  const Dropout dropout(0.5, generator);
  EXPECT_EQ(dropout(ones({0, 3})).shape(), (Shape{0, 3}));
  EXPECT_EQ(dropout(ones({})).shape(), Shape{});
  for (const double p : {-0.1, 1.0, 2.0, std::numeric_limits<double>::quiet_NaN()}) {
    expect_error("Dropout", [&] { Dropout(p, generator); }, {"p must be at least 0 and below 1", printed(p)});
    expect_error("Dropout", [&] { Dropout{p}; });
  }
  expect_error("Dropout", [&] { dropout(Tensor()); }, {"x is an empty handle"});
}

}  // namespace
}  // namespace taper::test
