// Printing tensors that are too large to be shown, and making them of vectors of every type.
#include "support/helpers.hpp"
#include "support/xtensor_headers.hpp"
#include <taper/core/create.hpp>

#include <cmath>
#include <cstdint>
#include <iomanip>
#include <iterator>
#include <sstream>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

// NumPy's rule: more than 1000 elements; then the first and last three of each axis that is longer than six.
TEST(Printing, AbbreviatesWhatHasMoreThan1000Elements) {
  EXPECT_EQ(printed(arange(1001)), "{    0.,     1.,     2., ...,   998.,   999.,  1000.}");
  EXPECT_EQ(printed(arange(1000)).find("..."), std::string::npos);
  EXPECT_EQ(printed(ones({7, 300}, float64)),
            "{{ 1.,  1.,  1., ...,  1.,  1.,  1.},\n"
            " { 1.,  1.,  1., ...,  1.,  1.,  1.},\n"
            " { 1.,  1.,  1., ...,  1.,  1.,  1.},\n"
            " ..., \n"
            " { 1.,  1.,  1., ...,  1.,  1.,  1.},\n"
            " { 1.,  1.,  1., ...,  1.,  1.,  1.},\n"
            " { 1.,  1.,  1., ...,  1.,  1.,  1.}}");
  EXPECT_EQ(printed(ones({6, 200})).size(), printed(ones({6, 300})).size());
}

// xtensor's printer writes its numbers by the same rules.
TEST(Printing, LooksLikeXtensors) {
  const std::uint64_t seed = fresh_seed();
  SCOPED_TRACE("TAPER_SEED=" + std::to_string(seed));
  Generator generator(seed);
  const auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(generator.bits() % n); };
  const double special[] = {0,   -0.0,  1,      -1,     0.5,          1e-5,     1e-4,     1e7,
                            1e8, 1e100, 1e-120, 1e-320, std::nan(""), HUGE_VAL, -HUGE_VAL};
  for (int round = 0; round < 2000; ++round) {
    Shape shape = Shape::filled(static_cast<int>(below(4)), 0);
    for (std::int64_t& extent : shape) extent = 1 + below(round % 20 ? 5 : 24);
    const double scale = std::pow(10, static_cast<double>(below(24)) / 2 - 6);
    std::vector<double> numbers(static_cast<std::size_t>(element_count("test", shape)));
    for (double& number : numbers) {
      number = scale * generator.normal();
      if (round % 3 == 0) number = std::round(number * 8) / 8;
      if (round % 5 == 0 && below(9) == 0) number = special[below(std::size(special))];
    }
    const auto precision = static_cast<int>(1 + below(9));
    for (const DType dtype : {float32, float64}) {
      const Tensor x = tensor(numbers, shape, dtype);
      std::ostringstream ours, expected;
      ours << std::setprecision(precision) << x;
      expected << std::setprecision(precision);
      dispatch(dtype, [&]<class T>() { expected << as_xtensor<T>(x); });
      ASSERT_EQ(ours.str(), expected.str()) << shape << " precision " << precision;
    }
  }
}

template <class T>
void expect_made_of(const std::vector<T>& values) {
  expect_same(tensor(values, {2, 2}), tensor({{0, 1}, {2, 200}}));
  expect_same(tensor(values, {2, 2}, float64), tensor({{0, 1}, {2, 200}}, float64));
  expect_same(tensor(values), tensor({0, 1, 2, 200}));
  expect_same(tensor(values, float64), tensor({0, 1, 2, 200}, float64));
}

TEST(Tensor, FromVectorsOfEachTypeOfNumber) {
  expect_made_of<float>({0, 1, 2, 200});
  expect_made_of<double>({0, 1, 2, 200});
  expect_made_of<int>({0, 1, 2, 200});
  expect_made_of<unsigned>({0, 1, 2, 200});
  expect_made_of<std::int64_t>({0, 1, 2, 200});
  expect_made_of<std::size_t>({0, 1, 2, 200});
  expect_made_of<std::uint8_t>({0, 1, 2, 200});
  expect_same(tensor(std::vector<bool>{true, false}), tensor({1, 0}));
  expect_error("tensor", [] { tensor(std::vector<int>{1, 2}, {3}); }, {"2 elements", "(3,)"});
}

}  // namespace
}  // namespace taper::test
