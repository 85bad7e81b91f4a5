// What the registry's generic checks can't say about a single op: the documented values at kinks and edges,
// operators, and arguments without a derivative.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
const double nan = std::numeric_limits<double>::quiet_NaN();

// d(sum v f)/d(inputs[i]); each input is a row of numbers.
Tensor slope(const std::function<Tensor(const Tensors&)>& f, const std::vector<std::vector<double>>& inputs,
             std::size_t i, const Tensor& v = {}) {
  Tensors rows;
  for (const auto& values : inputs) rows.push_back(row(values));
  return gradients(f, rows, v)[i];
}

TEST(Kinks, AbsHasSlopeZeroAtZero) {
  const Tensor x = row({-2, 0, -0.0, 3, nan});
  expect_values(abs(x), {2, 0, 0, 3, nan});
  expect_values(gradient_of(abs, x), {-1, 0, 0, 1, nan});
}

TEST(Kinks, ReluHasSlopeZeroAtZero) {
  const Tensor x = row({-2, 0, -0.0, 3, inf, -inf});
  expect_values(relu(x), {0, 0, 0, 3, inf, 0});
  expect_values(gradient_of(relu, x), {0, 0, 0, 1, 1, 0});
  EXPECT_TRUE(std::isnan(relu(row({nan})).item()));
}

TEST(Kinks, MaximumSharesATieInHalves) {
  const auto f = [](const Tensors& x) { return maximum(x[0], x[1]); };
  const std::vector<std::vector<double>> inputs{{1, 2, 3, 0}, {1, 5, 2, -0.0}};
  const Tensor v = row({2, 3, 4, 6});
  expect_values(slope(f, inputs, 0, v), {1, 0, 4, 3});
  expect_values(slope(f, inputs, 1, v), {1, 3, 0, 3});
  // NaN wins on either side.
  expect_values(maximum(row({nan, 1, nan}), row({1, nan, nan})), {nan, nan, nan});
}

TEST(Kinks, MaxSharesATieEqually) {
  const Tensor x = tensor({{2, 5, 5}, {5, 1, 1}, {3, 3, 3}}, float64);
  expect_values(gradient_of([](const Tensor& t) { return max(t, 1); }, x, row({2, 4, 6})),
                {0, 1, 1, 4, 0, 0, 2, 2, 2});
  expect_values(gradient_of([](const Tensor& t) { return max(t); }, x),
                {0, 1. / 3, 1. / 3, 1. / 3, 0, 0, 0, 0, 0});
  expect_values(max(row({1, nan, 2})), {nan});
  expect_values(max(row({nan, -inf})), {nan});
  expect_values(max(row({-inf, -inf})), {-inf});
}

TEST(Kinks, PowAtZero) {
  const auto f = [](const Tensors& x) { return pow(x[0], x[1]); };
  const std::vector<std::vector<double>> inputs{{0, 0, 0, 0, 0, 2}, {0, 1, 2, 0.5, -1, 0}};
  expect_values(f({row(inputs[0]), row(inputs[1])}), {1, 0, 0, 0, inf, 1});
  // p x^(p-1): 0 at p = 0 in the place of 0 * inf, 1 at p = 1, and infinite for p < 1.
  expect_values(slope(f, inputs, 0), {0, 1, 0, inf, -inf, 0});
  // y log x: 0 at x = 0 with p >= 0.
  const Tensor by_exponent = slope(f, {{0, 0, 0, 0, 2}, {0, 1, 2, 0.5, 0}}, 1);
  expect_values(by_exponent, {0, 0, 0, 0, std::log(2.0)});
}

TEST(Kinks, PowOfNegativeBases) {
  const Tensor x = row({-2, -2, -2}), p = row({2, 3, 0.5});
  expect_values(pow(x, p), {4, -8, nan});
  expect_values(gradient_of([&](const Tensor& t) { return pow(t, p); }, x), {-4, 12, nan});
  expect_values(gradient_of([](const Tensor& t) { return pow(t, 3); }, row({-2, 0.5})), {12, 0.75});
}

TEST(Kinks, LogAndSqrtAtTheEndOfTheirDomain) {
  expect_values(log(row({0, -1})), {-inf, nan});
  expect_values(gradient_of(log, row({0, 2})), {inf, 0.5});
  expect_values(sqrt(row({0, -1})), {0, nan});
  expect_values(gradient_of(sqrt, row({0, 4})), {inf, 0.25});
}

TEST(Edges, SigmoidAndTanhDoNotOverflow) {
  const Tensor x = row({-1000, 1000, -40, -inf, inf});
  expect_values(sigmoid(x), {0, 1, std::exp(-40.0), 0, 1});
  EXPECT_NEAR(sigmoid(row({-700})).item() / std::exp(-700.0), 1, 1e-12);
  expect_values(gradient_of(sigmoid, x), {0, 0, std::exp(-40.0), 0, 0});
  expect_values(tanh(x), {-1, 1, -1, -1, 1});
}

TEST(Edges, GeluKeepsItsDigitsInTheTail) {
  // x Phi(x) at -10: Phi(-10) = 7.61985302416052606597e-24.
  EXPECT_NEAR(gelu(row({-10})).item() / -7.61985302416052606597e-23, 1, 1e-12);
  EXPECT_EQ(gelu(row({0})).item(), 0);
}

TEST(Edges, SoftmaxesShiftByTheMaximum) {
  const Tensor z = row({1e30, 1e30, -1e30});
  expect_values(softmax(z), {0.5, 0.5, 0});
  expect_values(log_softmax(row({1000, 1000, 0})), {-std::log(2.0), -std::log(2.0), -1000 - std::log(2.0)});
  expect_values(softmax(row({0, -inf})), {1, 0});
  expect_values(log_softmax(row({0, -inf})), {0, -inf});
  for (const auto& values : {Row{0, nan}, Row{nan, 0}, Row{inf, 0}, Row{-inf, -inf}}) {
    for (const Tensor& y : {softmax(row(values)), log_softmax(row(values))}) expect_values(y, {nan, nan});
  }
}

TEST(Edges, MeanOfNothingIsNaN) {
  expect_values(mean(zeros({0, 2}, float64), 0), {nan, nan});
  EXPECT_EQ(sum(zeros({0, 2}, float64)).item(), 0);
}

TEST(Edges, Float32IsSummedInFloat64) {
  // One at a time in float32, ones added to 2^24 would all be lost.
  Tensor x = ones({1000});
  x.mutable_data<float>()[0] = 16777216;
  EXPECT_EQ(sum(x).item(), 16777216 + 1000);  // 999 to be exact, which float32 rounds to even
  EXPECT_EQ(sum(x, 0, true).item(), 16777216 + 1000);
}

TEST(Edges, OrdinaryOpsCarryNaN) {
  const Tensor bad = row({nan});
  for (const auto f : {exp, log, neg, relu, sigmoid, sqrt, square, tanh, gelu, abs}) {
    EXPECT_TRUE(std::isnan(f(bad).item()));
  }
}

TEST(Where, SendsNoGradientToTheCondition) {
  Tensor condition = row({1, 0, nan}).requires_grad();
  Tensor a = row({1, 2, 3}).requires_grad(), b = row({4, 5, 6}).requires_grad();
  Tape tape;
  const Tensor y = where(condition, a, b);
  expect_values(y, {1, 5, 3});  // NaN is not 0
  tape.backward(sum(y));
  EXPECT_FALSE(condition.grad());
  expect_values(a.grad(), {1, 0, 1});
  expect_values(b.grad(), {0, 1, 0});
}

TEST(Where, KeepsInfinitiesOfTheOtherSideOut) {
  const auto f = [](const Tensor& x) { return where(row({1, 0}), x, 1.0 / x); };
  expect_values(f(row({0, 2})), {0, 0.5});
  EXPECT_EQ(gradient_of(f, row({3, 2})).to_vector(), (std::vector<double>{1, -0.25}));
}

TEST(Where, RefusesAnEmptyCondition) {
  expect_error("where", [] { where(Tensor(), ones({2}), ones({2})); }, {"condition is an empty handle"});
}

TEST(Operators, AreTheNamedOps) {
  const Tensor a = row({1, 2}), b = row({4, 8});
  expect_values(a + b, {5, 10});
  expect_values(a - b, {-3, -6});
  expect_values(a * b, {4, 16});
  expect_values(a / b, {0.25, 0.25});
  expect_values(-a, {-1, -2});
  expect_values(a + 1.0, {2, 3});
  expect_values(1.0 + a, {2, 3});
  expect_values(a - 1.0, {0, 1});
  expect_values(1.0 - a, {0, -1});
  expect_values(a * 3.0, {3, 6});
  expect_values(3.0 * a, {3, 6});
  expect_values(a / 2.0, {0.5, 1});
  expect_values(2.0 / a, {2, 1});
  expect_values(pow(a, 2), {1, 4});
  EXPECT_EQ((2.0 * ones({2})).dtype(), float32) << "a number takes the tensor's dtype";
  EXPECT_EQ((a / 2.0).dtype(), float64);
}

TEST(Operators, ANumberBesideATensorIsAConstant) {
  const auto f = [](const Tensor& x) { return (2.0 - x) * 3.0 + 1.0 / x - x / 4.0; };
  const GradcheckReport report = gradcheck(f, row({0.5, -2, 1}));
  EXPECT_TRUE(report.ok()) << report;
  EXPECT_EQ(report.elements.size(), 3u);
}

TEST(Cast, RoundsAndComesBackInItsOwnDtype) {
  const Tensor x = row({0.1, 1});
  EXPECT_EQ(cast(x, float32).data<float>()[0], 0.1f);
  Tensor leaf = x.clone().requires_grad();
  Tape tape;
  const Tensor y = cast(leaf, float32);
  const Tensor dx = tape.gradient(y, {leaf}, {.cotangent = tensor({0.1, 2})})[0];
  EXPECT_EQ(dx.dtype(), float64);
  expect_values(dx, {static_cast<double>(0.1f), 2}, 0);
}

TEST(Cast, ToItsOwnDtypeIsTheTensorItself) {
  const Tensor x = row({1, 2});
  EXPECT_EQ(&cast(x, float64).impl(), &x.impl());
}

TEST(Reshape, SharesTheElements) {
  const Tensor x = row({1, 2, 3, 4});
  EXPECT_EQ(reshape(x, {2, 2}).data<double>(), x.data<double>());
}

TEST(Gather, AddsUpWhatOneRowGave) {
  const auto f = [](const Tensor& x) { return gather(x, {2, 0, -1, 2}); };
  expect_values(gradient_of(f, row({1, 2, 3}), row({1, 10, 100, 1000})), {10, 0, 1101});
}

TEST(Slice, PutsZerosBetweenItsSteps) {
  const auto f = [](const Tensor& x) { return slice(x, 0, 1, 6, 2); };
  expect_values(gradient_of(f, row({0, 0, 0, 0, 0, 0, 0}), row({1, 2, 3})), {0, 1, 0, 2, 0, 3, 0});
}

// An operand that is a product of itself must get both terms.
TEST(Products, OfATensorWithItself) {
  const auto f = [](const Tensor& x) { return mm(x, x, true); };
  Generator generator(3);
  const GradcheckReport report = gradcheck(f, uniform({3, 2}, -1, 1, generator, float64));
  EXPECT_TRUE(report.ok()) << report;
}

TEST(Edges, GeluAtInfinity) {
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor x = row({-infinity, infinity});
  expect_values(gelu(x), {0, infinity}, 0);
  expect_values(gradient_of(gelu, x), {0, 1}, 0);
}

TEST(Edges, NaNReachesTheGradient) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(relu(row({nan})).item()));
  expect_values(gradient_of(relu, row({nan}), row({2})), {2}, 0);  // relu lets the cotangent through
  for (const Tensor& gradient :
       gradients([](const Tensors& x) { return maximum(x[0], x[1]); }, {row({nan}), row({1})})) {
    EXPECT_TRUE(std::isnan(gradient.item()));
  }
}

TEST(Edges, WhereTakesTheSmallestConditionForTrue) {
  const Tensor condition = row({1e-300, 0, -5e-324});
  expect_values(cast(where(condition, ones({3}), zeros({3})), float64), {1, 0, 1},
                0);  // float32 beside float64
}

TEST(Edges, TheMeanOfOnesIsOne) { expect_values(mean(ones({49}, float64)), {1}, 0); }

}  // namespace
}  // namespace taper::test
