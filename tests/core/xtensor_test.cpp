// The bridge to xtensor: sources of every layout, the view without a copy, and the printer.
#include "ops/registry.hpp"
#include "support/helpers.hpp"
#include "support/xtensor_headers.hpp"
#include <taper/taper.hpp>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

std::vector<std::size_t> xtensor_shape(const Shape& shape) { return {shape.begin(), shape.end()}; }

TEST(FromXtensor, TakesContainersAndExpressions) {
  const xt::xarray<double> array{{1, 2, 3}, {4, 5, 6}};
  expect_values(from_xtensor(array), {1, 2, 3, 4, 5, 6}, 0);
  EXPECT_TRUE(from_xtensor(array).shape() == (Shape{2, 3}));
  const xt::xtensor<float, 2> fixed{{1, 2}, {3, 4}};
  EXPECT_EQ(from_xtensor(fixed).dtype(), float32);
  EXPECT_EQ(from_xtensor(array).dtype(), float64);
  EXPECT_EQ(from_xtensor(array, float32).dtype(), float32);
  const xt::xarray<int> whole{1, 2};
  EXPECT_EQ(from_xtensor(whole).dtype(), float64);
  expect_values(from_xtensor(array * 2.0 + 1.0), {3, 5, 7, 9, 11, 13}, 0);
  const xt::xarray<double> scalar = 2.5;
  EXPECT_EQ(from_xtensor(scalar).rank(), 0);
  EXPECT_EQ(from_xtensor(scalar).item(), 2.5);
}

TEST(FromXtensor, TakesViewsAndColumnMajorArrays) {
  const xt::xarray<double> array{{1, 2, 3}, {4, 5, 6}};
  expect_values(from_xtensor(xt::view(array, xt::all(), xt::range(1, 3))), {2, 3, 5, 6}, 0);
  expect_values(from_xtensor(xt::transpose(array)), {1, 4, 2, 5, 3, 6}, 0);
  expect_values(from_xtensor(xt::view(array, xt::all(), xt::range(2, xt::placeholders::_, -1))),
                {3, 2, 1, 6, 5, 4}, 0);
  const xt::xarray<double, xt::layout_type::column_major> columns{{1, 2, 3}, {4, 5, 6}};
  expect_values(from_xtensor(columns), {1, 2, 3, 4, 5, 6}, 0);
  expect_values(from_xtensor(columns + array), {2, 4, 6, 8, 10, 12}, 0);
}

TEST(FromXtensor, TakesEmptyArraysAndRanksUpTo9) {
  for (const Shape& shape : {Shape{0}, Shape{2, 0, 3}, Shape{1, 2, 1, 2, 1, 2, 1, 2, 1}}) {
    const xt::xarray<double> array = xt::ones<double>(xtensor_shape(shape));
    EXPECT_TRUE(from_xtensor(array).shape() == shape);
    EXPECT_EQ(sum(from_xtensor(array)).item(), static_cast<double>(from_xtensor(array).size()));
  }
}

TEST(AsXtensor, CopiesNothing) {
  Tensor x = tensor({{1, 2}, {3, 4}}, float64);
  auto adaptor = as_xtensor<double>(x);
  EXPECT_EQ(static_cast<const void*>(adaptor.data()), static_cast<const void*>(x.data<double>()));
  EXPECT_EQ(adaptor(1, 0), 3);
  adaptor(1, 0) = 7;
  EXPECT_EQ(x.data<double>()[2], 7);
  const Tensor constant = x;
  EXPECT_EQ(as_xtensor<double>(constant).data(), x.data<double>());
  expect_error("data", [&] { as_xtensor<float>(x); }, {"float32", "float64"});
  EXPECT_TRUE(from_xtensor(as_xtensor<double>(constant)).shape() == (Shape{2, 2}));
}

TEST(Printing, IsThatOfXtensor) {
  Generator generator(1);
  for (const Shape& shape :
       {Shape{}, Shape{1}, Shape{7}, Shape{3, 4}, Shape{2, 3, 4}, Shape{0, 3}, Shape{50, 40}}) {
    const Tensor x = randn(shape, generator, float64), narrow = cast(x, float32);
    const xt::xarray<double> array = as_xtensor<double>(x);
    const xt::xarray<float> narrow_array = as_xtensor<float>(narrow);
    EXPECT_EQ(printed(x), printed(array));
    EXPECT_EQ(printed(narrow), printed(narrow_array));
  }
  EXPECT_EQ(printed(tensor({{1, 2}, {3, 4}})), "{{ 1.,  2.},\n { 3.,  4.}}");
}

// Every op of the registry on inputs that came out of strided, transposed and reversed views.
TEST(FromXtensor, FeedsEveryOp) {
  Generator generator(9);
  for (const OpRow& op_row : registry()) {
    for (const Variant& variant : op_row.variants) {
      SCOPED_TRACE(op_row.op + ": " + variant.name);
      Tensors plain, from_views;
      for (const Input& input : variant.inputs) {
        const Tensor x = input.draw(input.shape, generator);
        plain.push_back(x);
        // x's elements stand at every other place of each axis of a larger array full of NaN, in reverse.
        std::vector<std::size_t> larger = xtensor_shape(x.shape());
        for (std::size_t& extent : larger) extent *= 2;
        xt::xarray<double, xt::layout_type::column_major> whole(larger, std::nan(""));
        xt::xstrided_slice_vector slices;
        for (std::size_t extent : larger) {
          slices.push_back(xt::range(static_cast<std::ptrdiff_t>(extent) - 1, xt::placeholders::_, -2));
        }
        if (x.size() == 0 || x.rank() == 0) {
          from_views.push_back(from_xtensor(as_xtensor<double>(x)));
          continue;
        }
        auto view = xt::strided_view(whole, slices);
        view = as_xtensor<double>(x);
        from_views.push_back(from_xtensor(view));
        expect_same(from_views.back(), x);
      }
      expect_same(variant.f(from_views), variant.f(plain));
    }
  }
}

}  // namespace
}  // namespace taper::test
