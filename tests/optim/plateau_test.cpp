// reduce_on_plateau: when it reduces, by hand, and its errors. (trajectory_test.cpp compares it with PyTorch's.)
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using optim::PlateauOptions;
using Values = std::vector<double>;

double rate_after(const Values& values, const PlateauOptions& options) {
  return optim::reduce_on_plateau(1, values, options);
}

TEST(Plateau, ReducesAfterMoreThanPatienceValuesWithoutProgress) {
  const PlateauOptions options{.factor = 0.5, .patience = 2, .threshold = 0, .last = 0.2};
  EXPECT_EQ(rate_after({}, options), 1);
  EXPECT_EQ(rate_after({3, 3, 3}, options), 1);  // the first is progress, two are let pass
  EXPECT_EQ(rate_after({3, 3, 3, 3}, options), 0.5);
  EXPECT_EQ(rate_after({3, 3, 3, 2, 2, 2}, options), 1);    // progress starts the count again
  EXPECT_EQ(rate_after({3, 3, 3, 3, 3, 3}, options), 0.5);  // as a reduction does
  EXPECT_EQ(rate_after({3, 3, 3, 3, 3, 3, 3}, options), 0.25);
  EXPECT_EQ(rate_after(Values(10, 3), options), 0.2);  // and no lower
  EXPECT_EQ(rate_after(Values(100, 3), options), 0.2);
  EXPECT_EQ(rate_after({1, 2, 1.5, 1.01}, options), 0.5);  // the best value counts, not the one before
  EXPECT_EQ(optim::reduce_on_plateau(0.1, Values(100, 3), options), 0.1);  // nor raises it to the last
}

TEST(Plateau, ProgressIsMeasuredAgainstTheBest) {
  const PlateauOptions options{.factor = 0.5, .patience = 0, .threshold = 0.1};
  EXPECT_EQ(rate_after({2, 1.79}, options), 1);
  EXPECT_EQ(rate_after({2, 1.81}, options), 0.5);
  EXPECT_EQ(rate_after({2, 1.81, 1.79}, options), 0.5);
  // The negatives of what should grow.
  EXPECT_EQ(rate_after({-2, -2.21}, options), 1);
  EXPECT_EQ(rate_after({-2, -2.19}, options), 0.5);
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(rate_after({std::nan(""), inf}, options), 0.25);
  EXPECT_EQ(rate_after({inf, 1e300, -inf}, options), 0.5);
}

TEST(Plateau, Errors) {
  const auto refuse = [](double rate, const PlateauOptions& options, const std::string& says) {
    expect_error("reduce_on_plateau", [&] { optim::reduce_on_plateau(rate, {}, options); }, {says});
  };
  refuse(-1, {}, "rate must be finite and at least 0, got -1");
  refuse(1, {.last = std::nan("")}, "last must be finite and at least 0, got nan");
  refuse(1, {.factor = 0}, "factor must be in (0, 1], got 0");
  refuse(1, {.factor = 2}, "factor must be in (0, 1], got 2");
  refuse(1, {.patience = -1}, "patience must be at least 0, got -1");
  refuse(1, {.threshold = 1}, "threshold must be in [0, 1), got 1");
}

}  // namespace
}  // namespace taper::test
