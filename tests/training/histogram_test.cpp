// Histograms: the counts, the moments, and what is no number.
#include "support/helpers.hpp"
#include <taper/nn/training/histogram.hpp>
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using training::Histogram;
using training::histogram;
using Counts = std::vector<std::int64_t>;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

// The lower edge of a bin belongs to it, and the upper edge of the last one too.
TEST(Histogram, CountsInBinsOfEqualWidth) {
  for (DType dtype : {float32, float64}) {
    const Histogram found = histogram(tensor({0.0, 0.5, 1.0, 1.5, 2.0, 4.0, 3.9}, {7}, dtype), 4);
    EXPECT_EQ(found.counts, (Counts{2, 2, 1, 2}));
    EXPECT_EQ(found.low, 0);
    EXPECT_EQ(found.high, 4);
    EXPECT_EQ(found.not_finite, 0);
    EXPECT_NEAR(found.mean, 12.9 / 7, 1e-6);
    double squares = 0;
    for (double x : {0.0, 0.5, 1.0, 1.5, 2.0, 4.0, 3.9}) squares += std::pow(x - 12.9 / 7, 2);
    EXPECT_NEAR(found.deviation, std::sqrt(squares / 7), 1e-6);
  }
}

TEST(Histogram, CountsEveryElementOnce) {
  Generator generator(fresh_seed());
  for (std::int64_t bins : {1, 2, 7, 32}) {
    const Tensor x = randn({13, 17}, generator);
    const Histogram found = histogram(x, bins);
    Counts counts(static_cast<std::size_t>(bins));
    for (double value : x.to_vector()) {
      const auto bin = static_cast<std::int64_t>((value - found.low) / (found.high - found.low) *
                                                 static_cast<double>(bins));
      ++counts[static_cast<std::size_t>(std::min(bin, bins - 1))];
    }
    EXPECT_EQ(found.counts, counts);
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}), x.size());
  }
}

TEST(Histogram, PutsEqualElementsIntoTheFirstBin) {
  const Histogram found = histogram(full({5}, 0.25), 3);
  EXPECT_EQ(found.counts, (Counts{5, 0, 0}));
  EXPECT_EQ(found.low, 0.25);
  EXPECT_EQ(found.high, 0.25);
  EXPECT_EQ(found.deviation, 0);
}

TEST(Histogram, LeavesOutWhatIsNotFinite) {
  const Histogram found = histogram(tensor({nan, 1.0, infinity, 3.0, -infinity}), 2);
  EXPECT_EQ(found.counts, (Counts{1, 1}));
  EXPECT_EQ(found.not_finite, 3);
  EXPECT_EQ(found.mean, 2);
  const Histogram none = histogram(tensor({nan, infinity}), 2);
  EXPECT_EQ(none.counts, (Counts{0, 0}));
  EXPECT_EQ(none.not_finite, 2);
  EXPECT_TRUE(std::isnan(none.low) && std::isnan(none.high) && std::isnan(none.mean) &&
              std::isnan(none.deviation));
  EXPECT_EQ(histogram(zeros({0}), 2).counts, (Counts{0, 0}));
}

TEST(Histogram, TakesTheLargestAndTheSmallestNumbers) {
  const double most = std::numeric_limits<double>::max(), least = std::numeric_limits<double>::denorm_min();
  EXPECT_EQ(histogram(tensor({-most, 0.0, most}, {3}, float64), 2).counts, (Counts{1, 2}));
  EXPECT_EQ(histogram(tensor({0.0, least}, {2}, float64), 2).counts, (Counts{1, 1}));
}

TEST(Histogram, RejectsNoBinsAndNoTensor) {
  expect_error("histogram", [] { histogram(zeros({3}), 0); }, {"wanted at least one bin, got 0"});
  EXPECT_THROW(histogram(Tensor(), 3), Error);
}

}  // namespace
}  // namespace taper::test
