// Positional encodings and the norms, as modules.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using nn::LayerNorm;
using nn::LearnedPositions;
using nn::RmsNorm;

TEST(LearnedPositions, AddsTheFirstRowsOfItsTable) {
  Generator generator(1), same(1);
  const LearnedPositions positions(5, 3, generator, float64);
  expect_same(positions.table, randn({5, 3}, same, float64));
  const Tensor x = randn({2, 4, 3}, generator, float64);
  const auto table = positions.table.to_vector();
  const Array in = array_of(x);
  expect_close(positions(x), build(x.shape(), [&](const Index& i) {
                 return at(in, i) + table[static_cast<std::size_t>(i[1] * 3 + i[2])];
               }));
  expect_same(positions(zeros({5, 3}, float64)), positions.table);  // all of them, without a batch
  EXPECT_EQ(positions(zeros({2, 0, 3}, float64)).shape(), (Shape{2, 0, 3}));
  ASSERT_EQ(positions.named_parameters().size(), 1u);
  EXPECT_EQ(positions.named_parameters()[0].first, "table");

  Tape tape;  // each row of the table is used once in each problem of the batch
  tape.backward(sum(positions(x)));
  expect_values(positions.table.grad(), {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0, 0});
}

TEST(LearnedPositions, Errors) {
  const LearnedPositions positions(4, 3);
  expect_error("LearnedPositions", [&] { positions(ones({3})); }, {"float32", "at most 4 positions", "(3,)"});
  expect_error("LearnedPositions", [&] { positions(ones({2, 5, 3})); }, {"at most 4", "(2, 5, 3)"});
  expect_error("LearnedPositions", [&] { positions(ones({4, 2})); }, {"positions, 3)", "(4, 2)"});
  expect_error("LearnedPositions", [&] { positions(ones({4, 3}, float64)); }, {"float64 (4, 3)"});
  expect_error("LearnedPositions", [] { LearnedPositions(0, 3); }, {"0 and 3"});
  expect_error("LearnedPositions", [] { LearnedPositions(3, 0); }, {"3 and 0"});
}

TEST(SinusoidalPositions, IsItsFormula) {
  const auto formula = [](const Index& i) {
    const double wavelength = std::pow(10000, static_cast<double>(i[1] / 2 * 2) / 6);
    const double angle = static_cast<double>(i[0]) / wavelength;
    return i[1] % 2 == 0 ? std::sin(angle) : std::cos(angle);
  };
  const Array expected = build({50, 6}, formula);
  const Tensor found = nn::sinusoidal_positions(50, 6, float64);
  expect_close(found, expected);
  EXPECT_FALSE(found.wants_grad());
  const Tensor single = nn::sinusoidal_positions(50, 6);
  EXPECT_EQ(single.dtype(), float32);
  expect_close(single, expected, 1e-7);
  EXPECT_EQ(nn::sinusoidal_positions(0, 2).shape(), (Shape{0, 2}));
  // Row 1 in digits: sin 1, cos 1, sin 10000^(-1/3), …
  expect_close(
      slice(found, 0, 1, 2),
      tensor({{0.8414709848, 0.5403023059, 0.0463992235, 0.9989229760, 0.0021544330, 0.9999976792}}, float64),
      1e-9);
}

TEST(SinusoidalPositions, Errors) {
  expect_error("sinusoidal_positions", [] { nn::sinusoidal_positions(-1, 2); }, {"n must", "-1"});
  expect_error("sinusoidal_positions", [] { nn::sinusoidal_positions(1, 3); }, {"even", "3"});
  expect_error("sinusoidal_positions", [] { nn::sinusoidal_positions(1, 0); }, {"positive", "0"});
}

TEST(LayerNorm, IsItsFormula) {
  Generator generator(2);
  LayerNorm norm(4, {.epsilon = 0.5, .dtype = float64});
  expect_close(norm.gain, ones({4}, float64), 0);
  expect_close(norm.bias, zeros({4}, float64), 0);
  norm.gain = randn({4}, generator, float64).requires_grad();
  norm.bias = randn({4}, generator, float64).requires_grad();
  const Tensor x = randn({2, 3, 4}, generator, float64);
  const Array in = array_of(x), gain = array_of(norm.gain), bias = array_of(norm.bias);
  expect_close(norm(x), build(x.shape(), [&](const Index& i) {
                 double mean = 0, variance = 0;
                 for (std::int64_t j = 0; j < 4; ++j) mean += at(in, {i[0], i[1], j}) / 4;
                 for (std::int64_t j = 0; j < 4; ++j)
                   variance += std::pow(at(in, {i[0], i[1], j}) - mean, 2) / 4;
                 return (at(in, i) - mean) / std::sqrt(variance + 0.5) * at(gain, {i[2]}) + at(bias, {i[2]});
               }));
  ASSERT_EQ(norm.named_parameters().size(), 2u);
  EXPECT_EQ(norm.named_parameters()[0].first, "gain");
  EXPECT_EQ(norm.named_parameters()[1].first, "bias");

  Tape tape;
  tape.backward(sum(norm(x)));
  EXPECT_EQ(norm.gain.grad().shape(), Shape{4});
  expect_values(norm.bias.grad(), {6, 6, 6, 6});
}

TEST(RmsNorm, IsItsFormula) {
  Generator generator(3);
  RmsNorm norm(4, {.epsilon = 0.5, .dtype = float64});
  expect_close(norm.gain, ones({4}, float64), 0);
  norm.gain = randn({4}, generator, float64).requires_grad();
  const Tensor x = randn({2, 3, 4}, generator, float64);
  const Array in = array_of(x), gain = array_of(norm.gain);
  expect_close(norm(x), build(x.shape(), [&](const Index& i) {
                 double squares = 0;
                 for (std::int64_t j = 0; j < 4; ++j) squares += std::pow(at(in, {i[0], i[1], j}), 2) / 4;
                 return at(in, i) / std::sqrt(squares + 0.5) * at(gain, {i[2]});
               }));
  ASSERT_EQ(norm.named_parameters().size(), 1u);
  EXPECT_EQ(norm.named_parameters()[0].first, "gain");

  Tape tape;
  tape.backward(sum(norm(x)));
  EXPECT_EQ(norm.gain.grad().shape(), Shape{4});
}

// The standard epsilons: a row whose variance is of their size shows them.
TEST(Norms, StartWithTheirEpsilons) {
  const Tensor x = tensor({{-1e-3, 1e-3}}, float64);
  const double large = 1e-3 / std::sqrt(1e-6 + 1e-5), small = 1e-3 / std::sqrt(1e-6 + 1e-6);
  expect_close(LayerNorm(2, {.dtype = float64})(x), tensor({{-large, large}}, float64));
  expect_close(RmsNorm(2, {.dtype = float64})(x), tensor({{-small, small}}, float64));
  EXPECT_EQ(LayerNorm(2).bias.dtype(), float32);
  EXPECT_TRUE(LayerNorm(2).bias.wants_grad());
  EXPECT_TRUE(LayerNorm(2).gain.wants_grad());
  EXPECT_TRUE(RmsNorm(2).gain.wants_grad());
}

TEST(Norms, Errors) {
  expect_error("LayerNorm", [] { LayerNorm(0); }, {"width must be at least 1, got 0"});
  expect_error("RmsNorm", [] { RmsNorm(-1); }, {"width must be at least 1, got -1"});
  expect_error("layer_norm", [] { LayerNorm(3)(ones({2, 4})); }, {"(2, 4)", "(3,)"});
  expect_error("rms_norm", [] { RmsNorm(3)(ones({2, 4})); }, {"(2, 4)", "(3,)"});
}

}  // namespace
}  // namespace taper::test
