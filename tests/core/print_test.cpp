// Printing tensors that are too large to be shown, and making them of vectors of every type.
#include "support/helpers.hpp"
#include <taper/core/create.hpp>

#include <cstdint>

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
