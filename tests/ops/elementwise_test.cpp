// The documented values of elementwise functions at ties, kinks, infinities and NaN, and comparisons.
#include "ops/registry.hpp"
#include "support/edges.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <type_traits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

TEST(ElementwiseEdges, SinAndCos) {
  expect_edges(sin, {{0, 0, 1, 0}, {inf, nan, nan, nan}, {-inf, nan, nan, nan}, {nan, nan, nan, nan}});
  expect_edges(cos, {{0, 1, 0, -1}, {inf, nan, nan, nan}, {-inf, nan, nan, nan}, {nan, nan, nan, nan}});
  // sin 1e22 and cos 1e22 by arithmetic of many digits: the multiples of 2 pi are taken off exactly.
  constexpr double sine = -0.85220084976718880177, cosine = 0.52321478539513894550;
  expect_float64_edges(sin, {{1e22, sine, cosine, -sine}});
  expect_float64_edges(cos, {{1e22, cosine, -sine, -cosine}});
  expect_digits(sin, 5e-324, 5e-324, 1);
  EXPECT_TRUE(std::signbit(sin(row({-0.0})).item()));
}

TEST(ElementwiseEdges, Erf) {
  const double steepest = 2 / std::sqrt(std::acos(-1.0));
  expect_edges(erf, {{0, 0, steepest, 0},
                     {1e18, 1, 0, 0},
                     {-1e18, -1, 0, 0},
                     {inf, 1, 0, 0},
                     {-inf, -1, 0, 0},
                     {nan, nan, nan, nan}});
  expect_float64_edges(erf, {{1e155, 1, 0, 0}, {-1e308, -1, 0, 0}});
  expect_digits(erf, 1e-300, steepest * 1e-300, steepest);
  expect_digits(erf, 6, 1, steepest * std::exp(-36.0));
}

TEST(ElementwiseEdges, Log1p) {
  expect_edges(log1p, {{0, 0, 1, -1},
                       {-1, -inf, inf, -inf},
                       {-2, nan, -1, -1},  // as for log, the gradient does not show it
                       {inf, inf, 0, 0},
                       {-inf, nan, 0, 0},
                       {nan, nan, nan, nan}});
  expect_float64_edges(log1p, {{1e155, 155 * std::log(10.0), 1e-155, 0}});
  expect_digits(log1p, 1e-20, 1e-20, 1);
  expect_digits(log1p, -1e-300, -1e-300, 1);
}

TEST(ElementwiseEdges, Expm1) {
  expect_edges(expm1, {{0, 0, 1, 1},
                       {1000, inf, inf, inf},
                       {inf, inf, inf, inf},
                       {-1000, -1, 0, 0},
                       {-inf, -1, 0, 0},
                       {nan, nan, nan, nan}});
  expect_digits(expm1, 1e-20, 1e-20, 1);
  expect_digits(expm1, -40, -1, std::exp(-40.0));  // y + 1 would be 0
}

TEST(ElementwiseEdges, MinimumSharesATieInHalves) {
  const auto f = [](const Tensors& x) { return minimum(x[0], x[1]); };
  for (const DType dtype : {float32, float64}) {
    const Tensor a = tensor({1, 2, 3, 0, inf, -inf}, dtype), b = tensor({1, 5, 2, -0.0, inf, 0}, dtype);
    const Tensor v = tensor({2, 3, 4, 6, 8, 10}, dtype);
    expect_values(minimum(a, b), {1, 2, 2, 0, inf, -inf}, 0);
    const Tensors shares = gradients(f, {a, b}, v);
    expect_values(shares[0], {1, 3, 0, 3, 4, 10}, 0);
    expect_values(shares[1], {1, 0, 4, 3, 4, 0}, 0);
    // NaN wins on either side, and reaches both gradients.
    const Tensor one_or_nan = tensor({nan, 1, nan}, dtype), nan_or_one = tensor({1, nan, nan}, dtype);
    expect_values(minimum(one_or_nan, nan_or_one), {nan, nan, nan});
    for (const Tensor& share : gradients(f, {one_or_nan, nan_or_one})) expect_values(share, {nan, nan, nan});
  }
}

TEST(ElementwiseEdges, ClampLetsItsBoundsThrough) {
  const auto f = [](const Tensor& x) { return clamp(x, -1, 0.5); };
  for (const DType dtype : {float32, float64}) {
    const Tensor x = tensor({-inf, -2, -1, 0, 0.5, 0.75, inf, nan}, dtype);
    expect_values(f(x), {-1, -1, -1, 0, 0.5, 0.5, 0.5, nan}, 0);
    expect_values(gradient_of(f, x), {0, 0, 1, 1, 1, 0, 0, 0}, 0);
    // What is cut off is 0 even for an infinite cotangent.
    expect_values(gradient_of(f, tensor({-2, 0}, dtype), tensor({inf, inf}, dtype)), {0, inf}, 0);
  }
  const auto to_one_number = [](const Tensor& x) { return clamp(x, 2, 2); };
  expect_values(to_one_number(row({1, 2, 3})), {2, 2, 2}, 0);
  expect_values(gradient_of(to_one_number, row({1, 2, 3})), {0, 1, 0}, 0);
  const auto unbounded = [](const Tensor& x) { return clamp(x, -inf, inf); };
  expect_values(gradient_of(unbounded, row({-inf, 0, 1e308, inf})), {1, 1, 1, 1}, 0);
}

// A bound that float32 can't hold is rounded like x, which then lies on it.
TEST(ElementwiseEdges, ClampRoundsItsBounds) {
  const auto f = [](const Tensor& x) { return clamp(x, 0.1, 0.7); };
  const Tensor x = tensor({0.1, 0.7});
  expect_same(f(x), x);
  expect_values(gradient_of(f, x), {1, 1}, 0);
}

// The rest of clamp's slope is where's, which is linear: the second derivative with respect to the cotangent.
TEST(ElementwiseEdges, ClampPassesOnSecondDerivatives) {
  const auto f = [](const Tensor& x) { return square(clamp(x, -1, 1)); };
  expect_edges(f, {{0.5, 0.25, 1, 2}, {1, 1, 2, 2}, {3, 1, 0, 0}, {-inf, 1, 0, 0}});
}

struct Comparison {
  const char* name;
  Mask (*f)(const Tensor&, const Tensor&);
  double (*reference)(double, double);
};

const Comparison comparisons[] = {
    {"equal", equal, [](double a, double b) -> double { return a == b; }},
    {"not_equal", not_equal, [](double a, double b) -> double { return a != b; }},
    {"less", less, [](double a, double b) -> double { return a < b; }},
    {"less_equal", less_equal, [](double a, double b) -> double { return a <= b; }},
    {"greater", greater, [](double a, double b) -> double { return a > b; }},
    {"greater_equal", greater_equal, [](double a, double b) -> double { return a >= b; }},
};

TEST(Comparison, AgreesWithThatOfNumbers) {
  // Every pair of these: a column beside a row.
  const std::vector<double> numbers{-inf, -1, -0.0, 0, 5e-324, 1, inf, nan};
  for (const DType dtype : {float32, float64}) {
    const Tensor a = tensor(numbers, {8, 1}, dtype), b = tensor(numbers, {8}, dtype);
    for (const auto& [name, f, reference] : comparisons) {
      SCOPED_TRACE(name);
      const Tensor y = f(a, b);
      EXPECT_EQ(y.dtype(), dtype);
      expect_close(y, pointwise(reference)({array_of(a), array_of(b)}), 0);
    }
  }
}

TEST(Comparison, BroadcastsEqualElements) {
  Generator generator(11);
  const std::pair<Shape, Shape> shapes[] = {{{}, {}},         {{3, 7}, {3, 7}},       {{2, 3}, {}},
                                            {{4}, {2, 3, 4}}, {{2, 1, 4}, {1, 3, 1}}, {{0, 3}, {3}}};
  for (const auto& [of_a, of_b] : shapes) {
    const Tensor a = grid(0)(of_a, generator), b = grid(0)(of_b, generator);  // many of them are equal
    for (const auto& [name, f, reference] : comparisons) {
      SCOPED_TRACE(name);
      expect_close(f(a, b), pointwise(reference)({array_of(a), array_of(b)}), 0);
    }
  }
}

TEST(Comparison, TakesNumbersAndOperators) {
  const Tensor a = row({1, 2, 3}), b = row({2, 2, 2});
  expect_values(a < b, {1, 0, 0}, 0);
  expect_values(a <= b, {1, 1, 0}, 0);
  expect_values(a > b, {0, 0, 1}, 0);
  expect_values(a >= b, {0, 1, 1}, 0);
  expect_values(a < 2.0, {1, 0, 0}, 0);
  expect_values(a <= 2.0, {1, 1, 0}, 0);
  expect_values(a > 2.0, {0, 0, 1}, 0);
  expect_values(a >= 2.0, {0, 1, 1}, 0);
  expect_values(2.0 < a, {0, 0, 1}, 0);
  expect_values(2.0 <= a, {0, 1, 1}, 0);
  expect_values(2.0 > a, {1, 0, 0}, 0);
  expect_values(2.0 >= a, {1, 1, 0}, 0);
  expect_values(equal(a, 2), {0, 1, 0}, 0);
  expect_values(not_equal(a, 2), {1, 0, 1}, 0);
  EXPECT_EQ((ones({2}) < 2).dtype(), float32) << "a number takes the tensor's dtype";
  expect_values(equal(tensor({0.1}), 0.1), {1}, 0);  // rounded to float32 as the tensor's was
}

TEST(Comparison, IsAConstant) {
  Tensor x = row({-1, 2}).requires_grad();
  Tape tape;
  const Tensor positive = x > 0.0;
  EXPECT_FALSE(Tape::tracks(positive));
  EXPECT_EQ(tape.node_count(), 0u);
  tape.backward(sum(where(positive, x, 3.0 * x) + positive * x));
  expect_values(x.grad(), {3, 2}, 0);
}

TEST(Comparison, NamesWhatIsEmpty) {
  for (const auto& [name, f, reference] : comparisons) {
    expect_error(name, [f = f] { f(Tensor(), ones({2})); }, {"a is an empty handle"});
    expect_error(name, [f = f] { f(ones({2}), Tensor()); }, {"b is an empty handle"});
  }
  expect_error("equal", [] { equal(Tensor(), 1); }, {"a is an empty handle"});
  expect_error("not_equal", [] { not_equal(Tensor(), 1); }, {"a is an empty handle"});
  expect_error("less", [] { return Tensor() < 1.0; }, {"a is an empty handle"});
  expect_error("less_equal", [] { return Tensor() <= 1.0; }, {"a is an empty handle"});
  expect_error("greater", [] { return Tensor() > 1.0; }, {"a is an empty handle"});
  expect_error("greater_equal", [] { return Tensor() >= 1.0; }, {"a is an empty handle"});
  expect_error("less", [] { return 1.0 < Tensor(); }, {"b is an empty handle"});
  expect_error("less_equal", [] { return 1.0 <= Tensor(); }, {"b is an empty handle"});
  expect_error("greater", [] { return 1.0 > Tensor(); }, {"b is an empty handle"});
  expect_error("greater_equal", [] { return 1.0 >= Tensor(); }, {"b is an empty handle"});
}

// `if (x < y)` would ask whether the handle is empty, so it does not compile.
static_assert(!std::is_constructible_v<bool, decltype(std::declval<Tensor>() < 1.0)>);
static_assert(std::is_convertible_v<Mask, Tensor>);

}  // namespace
}  // namespace taper::test
