// EarlyStopping: when it says so, and which weights come back.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using training::EarlyStopping;

// A parameter and a buffer, each of one number.
struct Pair : nn::Module {
  Tensor weight = tensor({0.0}).requires_grad(), counter = tensor({0.0});
  void list(nn::Parts& parts) const override {
    parts.add("weight", weight), parts.add_buffer("counter", counter);
  }
  void set(float value) {
    weight.mutable_data<float>()[0] = value;
    counter.mutable_data<float>()[0] = 10 * value;
  }
};

// After how many of these values, one of each epoch, it is time to stop; 0: never.
int stops_after(const std::vector<double>& values, const training::EarlyStoppingOptions& options) {
  const Pair model;
  EarlyStopping stopping(model, options);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (stopping.should_stop(values[i])) return static_cast<int>(i) + 1;
  }
  return 0;
}

TEST(EarlyStopping, CountsValuesInARowWithoutProgress) {
  EXPECT_EQ(stops_after({3, 2, 2, 1}, {.patience = 1}), 3);
  EXPECT_EQ(stops_after({3, 2, 2, 1, 5, 5}, {.patience = 2}), 6);
  EXPECT_EQ(stops_after({3, 4, 2, 3, 1, 2}, {.patience = 2}), 0);
  EXPECT_EQ(stops_after({-1, -2, -3}, {.patience = 1}), 0);
}

TEST(EarlyStopping, ProgressIsMoreThanMinDelta) {
  EXPECT_EQ(stops_after({3, 2.5, 2}, {.patience = 1, .min_delta = 0.5}), 2);
  EXPECT_EQ(stops_after({3, 2.25, 1.5}, {.patience = 1, .min_delta = 0.5}), 0);
  // Small steps add up: 2.25 is compared with 3, not with 2.75.
  EXPECT_EQ(stops_after({3, 2.75, 2.25, 2}, {.patience = 2, .min_delta = 0.5}), 0);
}

TEST(EarlyStopping, NaNIsNeverProgress) {
  const double nan = std::nan("");
  EXPECT_EQ(stops_after({nan, nan, nan}, {.patience = 2}), 2);
  EXPECT_EQ(stops_after({nan, 3, nan, 2, nan, nan}, {.patience = 2}), 6);
  EXPECT_EQ(stops_after({std::numeric_limits<double>::infinity(), 1e300}, {.patience = 2}), 0);
}

TEST(EarlyStopping, BringsTheBestWeightsBackInPlace) {
  Pair model;
  const Tensor weight = model.weight;
  EarlyStopping stopping(model, {.patience = 5});
  const std::vector<double> values{3, 1, 2, std::nan("")};
  for (std::size_t i = 0; i < values.size(); ++i) {
    model.set(static_cast<float>(i));
    EXPECT_FALSE(stopping.should_stop(values[i]));
  }
  EXPECT_EQ(stopping.best(), 1);
  stopping.restore();
  expect_values(weight, {1}, 0);
  expect_values(model.counter, {10}, 0);
  model.set(7);
  stopping.restore();
  expect_values(weight, {1}, 0);
}

TEST(EarlyStopping, WithoutProgressTheModelStaysAsItIs) {
  Pair model;
  model.set(4);
  EarlyStopping stopping(model);
  static_cast<void>(stopping.should_stop(std::nan("")));
  EXPECT_TRUE(std::isinf(stopping.best()));
  stopping.restore();
  expect_values(model.weight, {4}, 0);
}

TEST(EarlyStopping, RefusesWhatMakesNoSense) {
  const Pair model;
  expect_error("EarlyStopping", [&] { EarlyStopping(model, {.patience = 0}); }, {"patience", "got 0"});
  for (const double bad : {-0.1, std::nan(""), std::numeric_limits<double>::infinity()}) {
    expect_error("EarlyStopping", [&] { EarlyStopping(model, {.min_delta = bad}); }, {"min_delta"});
  }
}

}  // namespace
}  // namespace taper::test
