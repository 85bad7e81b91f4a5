// A file whose own arrays lie column by column, as an option of xtensor says: the bridge still goes by rows.
#define XTENSOR_DEFAULT_LAYOUT ::xt::layout_type::column_major
#define XTENSOR_DEFAULT_TRAVERSAL ::xt::layout_type::column_major
#include <taper/core/gradcheck/gtest.hpp>
#include <taper/core/gradcheck/xtensor.hpp>
#include <taper/core/xtensor.hpp>
#include <taper/taper.hpp>

namespace {

using taper::Tensor;

TEST(ColumnMajor, TensorsAreSeenByRows) {
  Tensor tensor = taper::tensor({{1, 2, 3}, {4, 5, 6}});
  const auto writable = taper::as_xtensor<float>(tensor);
  const auto readable = taper::as_xtensor<float>(std::as_const(tensor));
  for (std::size_t row = 0; row < 2; ++row) {
    for (std::size_t column = 0; column < 3; ++column) {
      EXPECT_EQ(writable(row, column), 1 + 3 * row + column);
      EXPECT_EQ(readable(row, column), 1 + 3 * row + column);
    }
  }
}

TEST(ColumnMajor, TensorsAreWrittenByRows) {
  Tensor tensor = taper::zeros({2, 3});
  auto view = taper::as_xtensor<float>(tensor);
  view(0, 1) = 2;
  EXPECT_EQ(tensor.to_vector()[1], 2);
  view = xt::xarray<float>{{1, 2, 3}, {4, 5, 6}};
  EXPECT_EQ(tensor.to_vector(), (std::vector<double>{1, 2, 3, 4, 5, 6}));
}

TEST(ColumnMajor, ArraysBecomeTensors) {
  const xt::xarray<double> array{{1, 2, 3}, {4, 5, 6}};
  EXPECT_EQ(taper::from_xtensor(array).to_vector(), (std::vector<double>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(taper::from_xtensor(xt::transpose(array)).to_vector(), (std::vector<double>{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(taper::from_xtensor(array + 1).to_vector(), (std::vector<double>{2, 3, 4, 5, 6, 7}));
}

// y_ij = x_ij w_ij, which a transposed copy of x or dy would change.
TEST(ColumnMajor, GradientsAreChecked) {
  const xt::xarray<double> w{{1, 2, 3}, {4, 5, 6}};
  const auto f = [&](const xt::xarray<double>& x) -> xt::xarray<double> { return x * w; };
  const auto product = [&](const xt::xarray<double>&, const xt::xarray<double>& dy) -> xt::xarray<double> {
    return dy * w;
  };
  EXPECT_GRADIENTS(f, product, xt::xarray<double>{{1, -2, 3}, {0.5, 5, 6}});
}

}  // namespace
