// The CUDA device's reductions against the CPU's, over random axes of random shapes. A failure prints the
// seed; set the environment variable TAPER_SEED to it to repeat the run.
#include "cuda/fixture.hpp"
#include <taper/ops/kernels/backend.hpp>
#include <taper/ops/kernels/reduction/reduce.hpp>
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper::test {
namespace {

class CudaReduce : public CudaTest {
 protected:
  Axes random_axes(int rank) {
    std::vector<std::int64_t> axes;
    for (int axis = 0; axis < rank; ++axis) {
      if (integer(0, 1) == 0) axes.push_back(axis);
    }
    return Axes(Shape(axes.data(), static_cast<int>(axes.size())));
  }
  // Sums in float64 differ only in their order. The difference is measured against the root of how many
  // normal terms they have, the size of a partial sum, because the whole may be near 0. Rounded to float32
  // they are nearly always the same.
  static double tolerance(DType dtype) { return dtype == float32 ? 1e-7 : 5e-14; }

  void check_sum(const Tensor& x, const Axes& axes, bool keepdims = false) {
    SCOPED_TRACE(printed(x.shape()) + " over " + printed(axes.reduced("test", x.shape())));
    const Tensor y = sum(x.to(gpu), axes, keepdims);
    EXPECT_EQ(y.kind(), Kind(x.dtype(), gpu));
    const std::int64_t terms = x.size() / std::max<std::int64_t>(1, y.size());
    const double unit = std::sqrt(std::max(1., static_cast<double>(terms)));
    expect_close(y.to(Device::cpu()) / unit, sum(x, axes, keepdims) / unit, tolerance(x.dtype()));
    expect_same(sum(x.to(gpu), axes, keepdims), y);
  }
};

TEST_F(CudaReduce, SumsOverRandomAxes) {
  for (int round = 0; round < 150; ++round) {
    const Shape shape = this->shape(0, 7, 20000);
    check_sum(randn(shape, generator, dtype()), random_axes(shape.size()), integer(0, 1) == 0);
  }
}

// Every size of group, row and part: short rows and columns, few and many, and such as get several blocks.
TEST_F(CudaReduce, RowsAndColumns) {
  const std::vector<std::pair<std::int64_t, std::int64_t>> shapes{
      {1, 1},     {1, 100000}, {100000, 1}, {3, 70001}, {5000, 7},  {7, 5000},  {4100, 8},
      {2, 65536}, {33, 4096},  {31, 257},   {257, 31},  {1024, 33}, {40000, 2}, {2, 40000},
      {9, 9},     {20011, 3},  {300, 512},  {64, 1},    {1, 64},    {16, 16},   {70000, 4},
      {4, 70000}, {257, 1024}, {12289, 5},  {4097, 16}};
  for (const auto& [rows, columns] : shapes) {
    const Tensor x = randn({rows, columns}, generator, dtype());
    check_sum(x, 0);
    check_sum(x, 1);
    check_sum(x, {});
  }
}

TEST_F(CudaReduce, LoopsThatAlternate) {
  for (const Shape& shape :
       {Shape{5, 40, 33}, Shape{300, 4, 9}, Shape{2, 3, 2, 3, 2, 3}, Shape{60, 2, 70, 2}, Shape{1, 900, 1, 9},
        Shape{17, 1, 500, 3}, Shape{3000, 2, 4}, Shape{2, 3000, 4}}) {
    const Tensor x = randn(shape, generator, dtype());
    Shape even = Shape::filled((shape.size() + 1) / 2, 0), odd = Shape::filled(shape.size() / 2, 1);
    for (Shape* axes : {&even, &odd})
      for (int i = 0; i < axes->size(); ++i) (*axes)[i] += 2 * i;
    check_sum(x, Axes(even));
    check_sum(x, Axes(odd));
  }
}

// Millions of equal terms: a float32 total would stop growing at 2^24.
TEST_F(CudaReduce, Float32IsSummedInFloat64) {
  const std::int64_t n = 3'000'017;
  const Tensor x = full({n}, 0.1, gpu);
  EXPECT_EQ(sum(x).item(), static_cast<float>(static_cast<double>(0.1f) * static_cast<double>(n)));
  // Terms that cancel leave the small one.
  const Tensor y = tensor({1e30, 1, -1e30}, gpu);
  EXPECT_EQ(sum(y).item(), 0);  // 1 is lost in float64 as well
  const Tensor z = tensor({16777216, 1, -16777216}, gpu);
  EXPECT_EQ(sum(z).item(), 1);
}

TEST_F(CudaReduce, MaximaOverRandomAxes) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  for (int round = 0; round < 100; ++round) {
    Shape shape = this->shape(0, 7, 20000);
    for (std::int64_t& extent : shape) extent = std::max<std::int64_t>(extent, 1);
    const DType dtype = this->dtype();
    std::vector<double> values = randn(shape, generator, dtype).to_vector();
    const bool has_nan = integer(0, 2) == 0;
    for (double& value : values) {
      if (integer(0, 3) == 0) value = -inf;
      if (has_nan && integer(0, 99) == 0) value = one_of<double>({std::nan(""), inf});
    }
    const Tensor x = tensor(values, shape, dtype);
    const Axes axes = random_axes(shape.size());
    SCOPED_TRACE(printed(shape) + " over " + printed(axes.reduced("test", shape)));
    expect_close(max(x.to(gpu), axes), max(x, axes), 0);
    expect_close(min(x.to(gpu), axes), min(x, axes), 0);
  }
  const Tensor masked = full({3, 5000}, -inf, gpu);
  expect_values(max(masked, 1), {-inf, -inf, -inf});
}

// NaN wherever it stands in a row: in the first lane or the last, in any part.
TEST_F(CudaReduce, NaNStaysWhereverItStands) {
  for (const std::int64_t n : {1, 7, 32, 33, 300, 5000, 70001}) {
    for (const std::int64_t at : {std::int64_t{0}, n / 2, n - 1}) {
      std::vector<double> values(static_cast<std::size_t>(n), 1);
      values[static_cast<std::size_t>(at)] = std::nan("");
      const Tensor x = tensor(values, {n}, gpu);
      EXPECT_TRUE(std::isnan(max(x).item())) << at << " of " << n;
      EXPECT_TRUE(std::isnan(max(x.view({n, 1}), 0).item())) << at << " of " << n;
      EXPECT_TRUE(std::isnan(sum(x).item())) << at << " of " << n;
    }
  }
}

TEST_F(CudaReduce, SumsOfSquaresAreFloat64) {
  for (const std::int64_t n : {0, 1, 2, 5, 1000, 4096, 70001}) {
    for (const DType dtype : {float32, float64}) {
      const Tensor x = randn({n}, generator, dtype);
      double expected = 0;
      for (const double value : x.to_vector()) expected += value * value;
      Tensor y = Tensor::uninitialized("test", {1}, {float64, gpu});
      kernels::backend_of(y)->reduce(kernels::Reduction::sum_of_squares,
                                     kernels::plan_reduction({n}, {1}, true), x.to(gpu), y);
      EXPECT_NEAR(y.item(), expected, 1e-12 * expected) << n;
    }
  }
}

// The largest factor of rounding is that of the order of the sums.
TEST_F(CudaReduce, NormsVariancesAndProductsOverRandomAxes) {
  for (int round = 0; round < 60; ++round) {
    const Shape shape = this->shape(0, 5, 20000);
    const DType dtype = this->dtype();
    const Tensor x = randn(shape, generator, dtype);
    const Axes axes = random_axes(shape.size());
    SCOPED_TRACE(printed(shape) + " over " + printed(axes.reduced("test", shape)));
    const double tolerance = dtype == float32 ? 1e-6 : 1e-12;
    expect_close(norm(x.to(gpu), axes), norm(x, axes), tolerance);
    expect_close(var(x.to(gpu), axes), var(x, axes), tolerance);
    expect_close(stddev(x.to(gpu), axes), stddev(x, axes), tolerance);
    const Tensor near_1 = 1.0 + 1e-3 * x;
    expect_close(prod(near_1.to(gpu), axes), prod(near_1, axes), tolerance);
  }
  // Digits at a large offset.
  const Tensor x = tensor({16777216, 16777218, 16777218}, gpu);
  EXPECT_NEAR(var(x).item(), 4. / 3, 1e-6);
}

TEST_F(CudaReduce, NothingToReduceAndNothingLeft) {
  EXPECT_EQ(sum(zeros({0}, gpu)).item(), 0);
  expect_values(sum(zeros({3, 0}, gpu), 1), {0, 0, 0});
  expect_values(sum(zeros({0, 3}, {float64, gpu}), 0), {0, 0, 0});
  expect_values(sum(zeros({2, 0, 2}, gpu), 1).view({4}), {0, 0, 0, 0});
  EXPECT_EQ(printed(sum(zeros({0, 3}, gpu), 1).shape()), "(0,)");
  EXPECT_EQ(printed(max(zeros({0, 3}, gpu), 1).shape()), "(0,)");
  expect_values(prod(zeros({3, 0}, gpu), 1), {1, 1, 1});
  expect_values(norm(zeros({3, 0}, gpu), 1), {0, 0, 0});
  expect_values(var(zeros({2, 0}, gpu), 1), {std::nan(""), std::nan("")});
  EXPECT_EQ(sum(tensor(2.5, gpu)).item(), 2.5);
  expect_values(sum(tensor({1, 2, 3}, gpu).view({3, 1, 1}), {1, 2}), {1, 2, 3});
}

}  // namespace
}  // namespace taper::test
