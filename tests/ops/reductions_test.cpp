// Reductions, running sums and orders at their edges: ties, NaN, infinities, zeros, large offsets, nothing at
// all.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
const double nan = std::numeric_limits<double>::quiet_NaN();

Tensor all(Tensor (*f)(const Tensor&, const Axes&, bool), const Tensor& x) { return f(x, {}, false); }
Tensor slope(Tensor (*f)(const Tensor&, const Axes&, bool), const Tensor& x) {
  return gradient_of([f](const Tensor& t) { return f(t, {}, false); }, x);
}
// The gradient of the sum of v times the gradient, with v = 1, 2, 3, …
Tensor second_slope(const std::function<Tensor(const Tensor&)>& f, const Tensor& x) {
  Tensor leaf = x.clone().requires_grad();
  Tape tape;
  const Tensor dx = tape.gradient(sum(f(leaf)), {leaf}, {.create_graph = true})[0];
  const Tensor v = arange(1, static_cast<double>(x.size() + 1), 1, x.dtype()).view(x.shape());
  return tape.gradient(dx, {leaf}, {.cotangent = v})[0];
}
std::vector<std::int64_t> values_of(const Indices& indices) {
  std::vector<std::int64_t> values;
  for (std::int64_t i = 0; i < indices.size(); ++i) values.push_back(indices[i]);
  return values;
}
using Places = std::vector<std::int64_t>;

TEST(Kinks, MinSharesATieEqually) {
  const Tensor x = tensor({{2, 1, 1}, {5, 7, 7}, {3, 3, 3}}, float64);
  expect_values(min(x, 1), {1, 5, 3});
  expect_values(gradient_of([](const Tensor& t) { return min(t, 1); }, x, row({2, 4, 6})),
                {0, 1, 1, 4, 0, 0, 2, 2, 2});
  expect_values(min(row({1, nan, -2})), {nan});
  expect_values(min(row({inf, inf})), {inf});
  expect_values(slope(min, row({1, nan})), {nan, nan});
}

TEST(Edges, MaxAndMinSeeNaNWhereverItStands) {
  for (std::int64_t at = 0; at < 200; ++at) {
    Tensor x = arange(200, float64);
    x.mutable_data<double>()[at] = nan;
    for (const Tensor& y : {all(max, x), all(min, x), max(x.view({200, 1}), 0), min(x.view({2, 100}))})
      EXPECT_TRUE(std::isnan(y.item())) << at;
  }
}

TEST(Edges, LogsumexpDoesNotOverflow) {
  expect_values(all(logsumexp, row({1000, 1000})), {1000 + std::log(2.0)});
  expect_values(all(logsumexp, row({-1000, -1000})), {-1000 + std::log(2.0)});
  expect_values(slope(logsumexp, row({1e20, 1e20, -1e20})), {0.5, 0.5, 0});
  // The gradient keeps its digits at any offset, which y itself can't hold.
  expect_values(slope(logsumexp, row({1e15, 1e15 + 1})), {1 / (1 + std::exp(1.0)), 1 / (1 + std::exp(-1.0))},
                1e-15);
}

TEST(Edges, LogsumexpOfInfinities) {
  expect_values(all(logsumexp, row({0, -inf})), {0});
  expect_values(slope(logsumexp, row({0, -inf})), {1, 0});
  expect_values(all(logsumexp, row({-inf, -inf})), {-inf});
  expect_values(all(logsumexp, row({inf, -inf, 0})), {inf});
  expect_values(all(logsumexp, row({nan, inf})), {nan});
  expect_values(all(logsumexp, row({inf, nan, 0})), {nan});
  expect_values(all(logsumexp, row({})), {-inf});
  expect_values(logsumexp(zeros({2, 0}, float64), 1), {-inf, -inf});
  expect_values(slope(logsumexp, row({-inf, -inf})), {nan, nan});
  // A row of -inf within a group of two axes is nothing but small.
  const Tensor masked = tensor({-inf, -inf, 0, 0}, {2, 2}, float64);
  expect_values(all(logsumexp, masked), {std::log(2.0)});
  expect_values(slope(logsumexp, masked), {0, 0, 0.5, 0.5});
}

TEST(Edges, VarKeepsItsDigitsAtALargeOffset) {
  for (const double offset : {0., 1e6, 1e9, 1e12}) {
    const Tensor x = row({offset + 4, offset + 7, offset + 13, offset + 16});
    expect_values(var(x), {30}, 1e-12);
    expect_values(stddev(x), {std::sqrt(30.0)}, 1e-12);
    expect_values(
        slope([](const Tensor& t, const Axes& axes, bool keepdims) { return var(t, axes, keepdims); }, x),
        {-4, -2, 2, 4}, 1e-12);
  }
  // float32, whose mean is rounded.
  const Tensor x = tensor({16777216, 16777218, 16777218});
  EXPECT_NEAR(var(x).item(), 4. / 3, 1e-6);
  EXPECT_NEAR(var(x.view({3, 1}), 0).item(), 4. / 3, 1e-6);
}

TEST(Edges, StddevIsComputedInFloat64) {
  EXPECT_FLOAT_EQ(static_cast<float>(stddev(tensor({-1e-30, 1e-30}), {}, false, {.correction = 0}).item()),
                  1e-30f);
  EXPECT_FLOAT_EQ(static_cast<float>(stddev(tensor({-1e30, 1e30}), {}, false, {.correction = 0}).item()),
                  1e30f);
}

TEST(Edges, VarOfFewElements) {
  expect_values(var(row({3})), {nan});
  expect_values(stddev(row({3})), {nan});
  expect_values(var(row({3}), {}, false, {.correction = 0}), {0});
  expect_values(var(row({1, 2}), {}, false, {.correction = 3}), {inf});
  expect_values(var(row({})), {nan});
  expect_values(var(zeros({0, 2}, float64), 0), {nan, nan});
  expect_values(var(row({1, nan})), {nan});
  expect_values(var(row({1, inf})), {nan});
  expect_values(var(row({1e200, -1e200})), {inf});
  expect_values(var(row({1e200, -1e200, 3e199, 7e198, 1.1e199, -3.3e197})), {inf});
  Tensor outlier = zeros({1000}, float64);
  outlier.mutable_data<double>()[0] = 1e153;  // whose square overflows, but not divided by 1000
  EXPECT_NEAR(var(outlier).item() / 1e303, 1, 1e-12);
  expect_values(var(row({}), {}, false, {.correction = -1}), {0});
}

TEST(Edges, StddevOfEqualElementsHasSlopeZero) {
  const auto f = [](const Tensor& x) { return stddev(x, 1); };
  const Tensor x = tensor({{2, 2, 2}, {1, 2, 3}}, float64);
  expect_values(f(x), {0, 1});
  expect_values(gradient_of(f, x), {0, 0, 0, -0.5, 0, 0.5});
  const std::vector<double> second = second_slope(f, x).to_vector();
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(second[i], 0);
}

// In parts, each about its own mean, that are combined.
TEST(Var, OfManyElementsIsThatOfTwoPasses) {
  const Tensor ramp = linspace(1e6, 1e6 + 1, 205167, float64);
  for (const Tensor& x :
       {reshape(slice(ramp, 0, 0, 205166), {607, 338}), 1e6 + randn({1200, 70}, float64), ramp}) {
    for (const Axes& axes : {Axes(), Axes(0), Axes(-1)}) {
      const Tensor deviations = x - mean(x, axes, true);
      expect_close(var(x, axes, false, {.correction = 0}), mean(square(deviations), axes), 1e-9);
    }
  }
}

// What the elements are centered about before their mean is known comes from the first of them: the worst that these can
// be is far from all others.
TEST(Var, OfAnOutlierThatComesFirst) {
  for (const Shape& shape : {Shape{1, 1000}, Shape{1, 5}, Shape{5, 1000}, Shape{2000, 3}, Shape{300, 1}}) {
    for (const double outlier : {1e3, 1e9, -1e150}) {
      Tensor x = randn(shape, float64);
      for (std::int64_t column = 0; column < shape[1]; ++column) x.mutable_data<double>()[column] *= outlier;
      for (const int axis : {0, 1}) {
        if (shape[axis] == 1) continue;
        const Tensor once = x - mean(x, axis, true), deviations = once - mean(once, axis, true);
        const Tensor exact = mean(square(deviations), axis);
        expect_close(var(x, axis, false, {.correction = 0}) / exact, ones_like(exact), 1e-12);
      }
    }
  }
}

TEST(Var, OfEqualElementsIsZero) {
  for (const std::int64_t n : {2, 3, 5, 8, 13, 64, 100, 4100, 70000}) {
    for (const DType dtype : {float32, float64}) {
      for (const double value : {0.1, 1e10 / 3, -7e-20}) {
        const Tensor x = full({n, 3}, value, dtype);
        for (const Axes& axes : {Axes(), Axes(0), Axes(1)})
          EXPECT_EQ(max(stddev(x, axes)).item(), 0) << n << " times " << value;
      }
    }
  }
}

// float32 with an offset that leaves few digits: against float64, for axes whose elements lie in every way.
TEST(Var, OfFloat32KeepsItsDigitsAtALargeOffset) {
  Generator generator(1);
  for (const Shape& shape : {Shape{90001}, Shape{9001, 3}, Shape{5001, 16}, Shape{601, 49}, Shape{41, 3001},
                             Shape{300, 17, 16}, Shape{7, 6, 30, 40}}) {
    const Tensor x = 1e4 + randn(shape, generator), wide = cast(x, float64);
    for (int axis = 0; axis < shape.size(); ++axis) {
      const Tensor exact =
          sum(square(wide - mean(wide, axis, true)), axis) / static_cast<double>(shape[axis] - 1);
      expect_close(cast(var(x, axis), float64), exact, 1e-6);
      expect_close(var(wide, axis), exact, 1e-11);
      expect_close(cast(stddev(x, axis), float64), sqrt(exact), 1e-6);
    }
    const Tensor exact = sum(square(wide - mean(wide))) / static_cast<double>(x.size() - 1);
    expect_close(cast(var(x), float64), exact, 1e-6);
    if (shape.size() != 4) continue;
    for (const Axes& axes : {Axes({0, 2}), Axes({0, 2, 3}), Axes({0, 3}), Axes({1, 3})}) {
      const Tensor deviations = wide - mean(wide, axes, true);
      expect_close(var(wide, axes, false, {.correction = 0}), mean(square(deviations), axes), 1e-11);
    }
  }
}

// Rows and columns of every length: fewer than a vector has, a few more than some vectors have, and several pages.
TEST(Reductions, OfEveryLengthAreThoseOfALoop) {
  Generator generator(2);
  std::vector<std::int64_t> lengths{4096, 4097, 9000};
  for (std::int64_t n = 1; n < 70; ++n) lengths.push_back(n);
  for (const DType dtype : {float32, float64}) {
    for (const std::int64_t n : lengths) {
      SCOPED_TRACE(n);
      const Tensor x = randn({3, n}, generator, dtype), turned = transpose(x, 0, 1);
      const std::vector<double> values = x.to_vector();
      std::vector<double> sums, squares, largest, smallest;
      for (std::int64_t row = 0; row < 3; ++row) {
        const double* const of_row = values.data() + row * n;
        double total = 0, total_of_squares = 0;
        for (std::int64_t i = 0; i < n; ++i) total += of_row[i], total_of_squares += of_row[i] * of_row[i];
        sums.push_back(total), squares.push_back(std::sqrt(total_of_squares));
        largest.push_back(*std::max_element(of_row, of_row + n));
        smallest.push_back(*std::min_element(of_row, of_row + n));
      }
      const double rounding = dtype == float32 ? 1e-7 : 1e-14;
      for (const auto& [of, axis] : {std::pair(x, 1), std::pair(turned, 0)}) {
        expect_values(sum(of, axis), sums, 10 * rounding);
        expect_values(norm(of, axis), squares, 10 * rounding);
        expect_values(max(of, axis), largest, 0);
        expect_values(min(of, axis), smallest, 0);
      }
    }
  }
}

// Along an axis whose elements lie apart: columns that are no vector's worth, more rows than are taken at a time, and
// all that is special.
TEST(LogSumExp, OfColumnsIsThatOfRows) {
  for (const DType dtype : {float32, float64}) {
    for (const std::int64_t columns : {1, 3, 16, 37, 300}) {
      std::vector<double> values = (20.0 * randn({2, 150, columns}, dtype)).to_vector();
      for (std::int64_t i = 0; i < 150; ++i) {  // a column of -inf alone, and one that begins with many
        values[static_cast<std::size_t>(i * columns)] = -inf;
        if (i < 70) values[static_cast<std::size_t>(i * columns + columns / 2)] = -inf;
      }
      values[static_cast<std::size_t>(149 * columns + columns - 1)] = inf;
      values[static_cast<std::size_t>(151 * columns)] = nan;
      const Tensor x = tensor(values, {2, 150, columns}, dtype);
      expect_close(logsumexp(x, 1), logsumexp(transpose(x, 1, 2), 2), dtype == float32 ? 1e-6 : 1e-13);
    }
  }
}

TEST(Reductions, HaveTheSameBitsForAnyNumberOfThreads) {
  Generator generator(3);
  const int before = thread_count();
  for (const Shape& shape : {Shape{200001}, Shape{40000, 5}, Shape{300, 700}, Shape{500, 16, 40}}) {
    const Tensor x = randn(shape, generator);
    Tensors results[2];
    for (const int threads : {1, 3}) {
      set_thread_count(threads);
      for (int axis = -1; axis < shape.size(); ++axis) {
        const Axes axes = axis < 0 ? Axes() : Axes(axis);
        for (const Tensor& y : {sum(x, axes), norm(x, axes), var(x, axes), max(x, axes), logsumexp(x, axes)})
          results[threads / 2].push_back(y);
      }
    }
    for (std::size_t i = 0; i < results[0].size(); ++i) expect_same(results[0][i], results[1][i]);
  }
  set_thread_count(before);
}

// In pieces, one of them of -inf alone.
TEST(LogSumExp, OfLongRows) {
  const Tensor numbers = randn({2, 50000}, float64), none = full({2, 40000}, -inf, float64);
  const Tensor expected = log(sum(exp(numbers), 1));
  expect_close(logsumexp(numbers, 1), expected);
  expect_close(logsumexp(concat({numbers, none}, 1), 1), expected);
  expect_values(logsumexp(none, 1), {-inf, -inf}, 0);
  expect_values(logsumexp(concat({none, full({2, 1}, nan, float64)}, 1), 1), {nan, nan}, 0);
  expect_values(logsumexp(concat({numbers, full({2, 1}, inf, float64)}, 1), 1), {inf, inf}, 0);
}

TEST(Kinks, NormHasSlopeZeroAtTheZeroVector) {
  const auto f = [](const Tensor& x) { return norm(x, 1); };
  const Tensor x = tensor({{0, -0.0}, {3, -4}}, float64);
  expect_values(f(x), {0, 5});
  expect_values(gradient_of(f, x), {0, 0, 0.6, -0.8});
  const std::vector<double> second = second_slope(f, x).to_vector();
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(second[i], 0);
}

TEST(Edges, NormOfExtremes) {
  expect_values(all(norm, row({})), {0});
  expect_values(all(norm, row({inf, -inf})), {inf});
  expect_values(slope(norm, row({inf, 1})), {nan, 0});
  expect_values(all(norm, row({nan, inf})), {nan});
  expect_values(all(norm, row({1e155, 1e155})), {inf});
  EXPECT_FLOAT_EQ(static_cast<float>(norm(tensor({3e30, 4e30})).item()), 5e30f);
  EXPECT_FLOAT_EQ(static_cast<float>(norm(tensor({3e-30, 4e-30})).item()), 5e-30f);
  // Subnormal numbers: dy / y would overflow, x / y does not.
  const Tensor small = tensor({3e-42, 4e-42});
  EXPECT_NEAR(gradient_of([](const Tensor& x) { return norm(x); }, small).to_vector()[0], 0.6, 1e-3);
}

TEST(Edges, ProdWithZeros) {
  expect_values(slope(prod, row({2, 3, 4})), {12, 8, 6});
  expect_values(slope(prod, row({2, 0, 4})), {0, 8, 0});
  expect_values(slope(prod, row({0, 3, -0.0})), {0, 0, 0});
  expect_values(slope(prod, row({0})), {1});
  expect_values(all(prod, row({})), {1});
  // d/dx of yz + 2 xz + 3 xy = 2 z + 3 y: right at two zeros, where the first derivative is 0.
  const auto f = [](const Tensor& x) { return prod(x); };
  expect_values(second_slope(f, row({2, 0, 3})), {6, 9, 4});
  expect_values(second_slope(f, row({0, 0, 3})), {6, 3, 0});
}

TEST(Edges, ProdOfExtremes) {
  expect_values(all(prod, row({inf, 0})), {nan});
  expect_values(all(prod, row({inf, -2})), {-inf});
  expect_values(all(prod, row({1, nan})), {nan});
  expect_values(all(prod, row({1e155, 1e155})), {inf});
  // In float32 this would overflow on the way.
  EXPECT_NEAR(prod(tensor({1e30, 1e30, 1e-30, 1e-30})).item(), 1, 1e-6);
  // y is 0, but the others are not: nothing is divided out.
  expect_values(slope(prod, row({1e-200, 1e-150})) * 1e200, {1e50, 1}, 1e-12);
}

TEST(Edges, CumsumCarriesInfinitiesForward) {
  expect_values(cumsum(row({1, inf, 2, -inf, 3})), {1, inf, inf, nan, nan});
  expect_values(cumsum(row({1, nan, 2})), {1, nan, nan});
  EXPECT_EQ(printed(cumsum(zeros({0, 3}), 0).shape()), "(0, 3)");
}

TEST(Edges, CumsumAddsFloat32UpInFloat64) {
  Tensor x = ones({1001});
  x.mutable_data<float>()[0] = 16777216;
  EXPECT_EQ(cumsum(x).to_vector()[1000], 16777216 + 1000);
  const Tensor columns = transpose(broadcast_to(x, {2, 1001}), 0, 1);
  EXPECT_EQ(cumsum(columns, 0).to_vector()[2001], 16777216 + 1000);
}

TEST(Argmax, TakesTheFirstOfEqualElements) {
  const Tensor x = tensor({{1, 5, 5}, {7, 2, 2}}, float64);
  EXPECT_EQ(values_of(argmax(x, 1)), (Places{1, 0}));
  EXPECT_EQ(values_of(argmin(x, 1)), (Places{0, 1}));
  EXPECT_EQ(values_of(argmax(x, 0)), (Places{1, 0, 0}));
  EXPECT_EQ(values_of(argmin(x, 0)), (Places{0, 1, 1}));
  EXPECT_EQ(values_of(argmax(x)), (Places{3}));
  EXPECT_EQ(values_of(argmin(row({0, -0.0}))), (Places{0}));
  EXPECT_EQ(printed(argmax(x, 1, true).shape()), "(2, 1)");
  EXPECT_EQ(printed(argmax(x, 1).shape()), "(2,)");
  EXPECT_EQ(printed(argmax(x).shape()), "()");
}

TEST(Argmax, NaNComesBeforeEveryNumber) {
  EXPECT_EQ(values_of(argmax(row({1, nan, inf, nan}))), (Places{1}));
  EXPECT_EQ(values_of(argmin(row({1, nan, -inf, nan}))), (Places{1}));
  const Tensor columns = tensor({1, nan, nan, 2, 3, nan}, {3, 2}, float64);
  EXPECT_EQ(values_of(argmax(columns, 0)), (Places{1, 0}));
  EXPECT_EQ(values_of(argmin(columns, 0)), (Places{1, 0}));
  EXPECT_EQ(values_of(argmax(row({-inf, -inf}))), (Places{0}));
}

TEST(Sort, IsStableInBothDirections) {
  const Tensor x = row({2, 1, 2, -0.0, 1, 0});
  EXPECT_EQ(values_of(sort(x).indices), (Places{3, 5, 1, 4, 0, 2}));
  EXPECT_EQ(values_of(sort(x, 0, true).indices), (Places{0, 2, 1, 4, 3, 5}));
  EXPECT_EQ(values_of(top_k(x, 3).indices), (Places{0, 2, 1}));
  expect_values(top_k(x, 3).values, {2, 2, 1});
}

TEST(Sort, NaNIsLargerThanEveryNumber) {
  for (const DType dtype : {float32, float64}) {
    const Tensor x = row({nan, 1, inf, -inf, -nan, -5e-324}).to(dtype);
    EXPECT_EQ(values_of(sort(x).indices), (Places{3, 5, 1, 2, 0, 4}));
    EXPECT_EQ(values_of(sort(x, 0, true).indices), (Places{0, 4, 2, 1, 5, 3}));
    expect_values(cast(top_k(x, 3).values, float64), {nan, nan, inf});
  }
}

TEST(Sort, OrdersEveryLengthAsTheStandardLibraryDoes) {
  Generator generator(fresh_seed());
  for (const std::int64_t n : {1, 2, 3, 17, 100, 1000, 5000}) {
    for (const DType dtype : {float32, float64}) {
      // Rounded, so that many are equal.
      std::vector<double> values;
      for (std::int64_t i = 0; i < n; ++i) values.push_back(std::floor(40 * generator.uniform()) / 4 - 5);
      Places wanted(static_cast<std::size_t>(n));
      for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i] = static_cast<std::int64_t>(i);
      const auto value = [&](std::int64_t i) { return values[static_cast<std::size_t>(i)]; };
      std::stable_sort(wanted.begin(), wanted.end(), [&](auto a, auto b) { return value(a) > value(b); });
      const Tensor x = row(values).to(dtype);
      EXPECT_EQ(values_of(sort(x, 0, true).indices), wanted);
      for (const std::int64_t k : {std::int64_t{1}, n / 20, (n + 1) / 2, n}) {
        EXPECT_EQ(values_of(top_k(x, k).indices), Places(wanted.begin(), wanted.begin() + k));
      }
    }
  }
}

TEST(Sort, SendsTheCotangentToWhereTheElementsStood) {
  const auto f = [](const Tensor& x) { return top_k(x, 2, 0).values; };
  const Tensor x = tensor({{1, 9}, {3, 7}, {2, 8}}, float64);
  expect_values(f(x), {3, 9, 2, 8});
  expect_values(gradient_of(f, x, tensor({{10, 20}, {30, 40}}, float64)), {0, 20, 10, 0, 30, 40});
}

}  // namespace
}  // namespace taper::test
