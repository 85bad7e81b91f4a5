// Numbers, times and tables as people write them.
#include <taper/nn/training/format.hpp>

#include <limits>

#include <gtest/gtest.h>

namespace taper::training {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(Format, WritesNumbersAsPeopleDo) {
  const std::vector<std::pair<double, const char*>> cases = {{0, "0"},
                                                             {-0.0, "0"},
                                                             {1, "1"},
                                                             {0.5, "0.5"},
                                                             {0.0123456, "0.0123"},
                                                             {12.5, "12.5"},
                                                             {123.456, "123"},
                                                             {1234, "1234"},
                                                             {12345, "12,345"},
                                                             {1234567, "1,234,567"},
                                                             {-12345, "-12,345"},
                                                             {-0.25, "-0.25"},
                                                             {1e-7, "1e-07"},
                                                             {3e20, "3e+20"},
                                                             {0.001, "0.001"},
                                                             {nan, "–"},
                                                             {infinity, "∞"},
                                                             {-infinity, "−∞"},
                                                             {0.9996, "1"}};
  for (const auto& [value, text] : cases) EXPECT_EQ(number(value), text) << value;
  EXPECT_EQ(number(1200, 6), "1200");
}

TEST(Format, OnlyAllIsAHundredPercent) {
  EXPECT_EQ(percent(1), "100 %");
  EXPECT_EQ(percent(0.99999), "99.9 %");
  EXPECT_EQ(percent(0.5), "50 %");
  EXPECT_EQ(percent(0.0625), "6.2 %");
  EXPECT_EQ(percent(0), "0 %");
  EXPECT_EQ(percent(nan), "–");
}

TEST(Format, WritesTimes) {
  EXPECT_EQ(duration(0.42), "0.42 s");
  EXPECT_EQ(duration(59.4), "59 s");
  EXPECT_EQ(duration(200), "3 min 20 s");
  EXPECT_EQ(duration(7500), "2 h 5 min");
  EXPECT_EQ(duration(nan), "–");
}

TEST(Format, AlignsTables) {
  EXPECT_EQ(aligned({{"", "loss"}, {"größer", "1"}, {"b", "0.123"}}),
            "         loss\n"
            "größer      1\n"
            "b       0.123\n");
  EXPECT_EQ(aligned({}), "");
}

TEST(Format, RoundsToDecimals) {
  EXPECT_EQ(fixed(2.0 / 3, 2), "0.67");
  EXPECT_EQ(fixed(nan, 2), "–");
  EXPECT_EQ(rounded(0.5, 2), "0.5");
  EXPECT_EQ(rounded(-0.001, 2), "0");
  EXPECT_EQ(rounded(100, 0), "100");
}

}  // namespace
}  // namespace taper::training
