// The documented values of activations at kinks, infinities and NaN, and their digits in the tails.
#include "support/edges.hpp"
#include <taper/taper.hpp>

#include <cmath>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

TEST(ActivationEdges, Softplus) {
  expect_edges(softplus, {{0, std::log(2.0), 0.5, 0.25},
                          {1000, 1000, 1, 0},
                          {-1000, 0, 0, 0},
                          {1e20, 1e20, 1, 0},
                          {inf, inf, 1, 0},
                          {-inf, 0, 0, 0},
                          {nan, nan, nan, nan}});
  expect_float64_edges(softplus, {{1e308, 1e308, 1, 0}, {-1e308, 0, 0, 0}});
  expect_digits(softplus, -100, std::exp(-100.0), std::exp(-100.0));
  // PyTorch takes x itself above 20.
  EXPECT_EQ(softplus(row({21})).item(), 21 + std::log1p(std::exp(-21.0)));
  EXPECT_GT(softplus(row({21})).item(), 21);
}

TEST(ActivationEdges, LogSigmoid) {
  expect_edges(log_sigmoid, {{0, -std::log(2.0), 0.5, -0.25},
                             {1000, 0, 0, 0},
                             {-1000, -1000, 1, 0},
                             {-1e20, -1e20, 1, 0},
                             {inf, 0, 0, 0},
                             {-inf, -inf, 1, 0},
                             {nan, nan, nan, nan}});
  expect_float64_edges(log_sigmoid, {{1e308, 0, 0, 0}, {-1e308, -1e308, 1, 0}});
  expect_digits(log_sigmoid, 100, -std::exp(-100.0), std::exp(-100.0));
}

TEST(ActivationEdges, Silu) {
  expect_edges(silu, {{0, 0, 0.5, 0.5},
                      {1000, 1000, 1, 0},
                      {-1000, 0, 0, 0},
                      {1e20, 1e20, 1, 0},
                      {-1e20, 0, 0, 0},
                      {inf, inf, 1, 0},
                      {-inf, 0, 0, 0},
                      {nan, nan, nan, nan}});
  expect_float64_edges(silu, {{1e308, 1e308, 1, 0}, {-1e308, 0, 0, 0}});
  expect_digits(silu, -100, -100 * std::exp(-100.0), -99 * std::exp(-100.0));
}

TEST(ActivationEdges, Elu) {
  const UnaryFunction f = [](const Tensor& x) { return elu(x); };
  expect_edges(f, {{0, 0, 1, 0},
                   {-0.0, 0, 1, 0},
                   {1000, 1000, 1, 0},
                   {-1000, -1, 0, 0},
                   {inf, inf, 1, 0},
                   {-inf, -1, 0, 0},
                   {nan, nan, 1, 0}});
  expect_digits(f, -1e-20, -1e-20, 1);
  expect_digits(f, -40, -1, std::exp(-40.0));  // y + alpha would be 0
  // With another alpha 0 is a kink, which has the slope from below.
  const UnaryFunction steep = [](const Tensor& x) { return elu(x, 2.5); };
  expect_edges(steep, {{0, 0, 2.5, 0}, {1, 1, 1, 0}, {-inf, -2.5, 0, 0}});
}

TEST(ActivationEdges, LeakyRelu) {
  for (const DType dtype : {float32, float64}) {
    const Tensor x = tensor({-inf, -4, -0.0, 0, 4, inf, nan}, dtype);
    const auto f = [](const Tensor& t) { return leaky_relu(t, 0.25); };
    expect_values(f(x), {-inf, -1, 0, 0, 4, inf, nan}, 0);
    expect_values(gradient_of(f, x), {0.25, 0.25, 0.25, 0.25, 1, 1, 0.25}, 0);
  }
  expect_values(leaky_relu(row({-1})), {-0.01}, 0);
}

}  // namespace
}  // namespace taper::test
