// layer_norm, rms_norm and rotary where the registry's generic checks don't reach: edges, digits, threads,
// and the properties they are there for.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
const double nan = std::numeric_limits<double>::quiet_NaN();

Tensor plain_layer_norm(const Tensor& x) {
  return layer_norm(x, ones({x.extent(-1)}, x.dtype()), zeros({x.extent(-1)}, x.dtype()));
}
Tensor plain_rms_norm(const Tensor& x) { return rms_norm(x, ones({x.extent(-1)}, x.dtype())); }

TEST(LayerNorm, AConstantRowGivesTheBias) {
  for (const DType dtype : {float32, float64}) {
    for (const double value : {0.0, 0.1, -3e5, 1e16}) {
      for (const std::int64_t n : {1, 3, 7, 100, 1000}) {
        const Tensor x = full({2, n}, value, dtype), bias = arange(0, static_cast<double>(n), 1, dtype);
        const auto f = [&](const Tensor& t) { return layer_norm(t, full({n}, 2, dtype), bias); };
        expect_close(f(x), broadcast_to(bias, {2, n}), 0);
        // dx = r (g - mean(g)) with r = 1 / sqrt(epsilon).
        Tensor v = zeros({2, n}, dtype);
        expect_close(gradient_of(f, x, v), v, 0);
        dispatch(dtype, [&]<class T>() { v.mutable_data<T>()[0] = 1; });
        const double mean = 1 / static_cast<double>(n), r = 2 / std::sqrt(1e-5);
        Array expected = array_of(zeros({2, n}));
        for (std::int64_t i = 0; i < n; ++i) expected.values[static_cast<std::size_t>(i)] = -mean * r;
        expected.values[0] += r;
        expect_close(gradient_of(f, x, v), expected, 1e-5);
      }
    }
  }
}

TEST(RmsNorm, ARowOfZerosGivesZeros) {
  const Tensor x = zeros({1, 3}, float64);
  expect_values(plain_rms_norm(x), {0, 0, 0}, 0);
  expect_values(gradient_of(plain_rms_norm, x, tensor({{1, 2, 3}}, float64)), {1e3, 2e3, 3e3});
}

TEST(Normalization, NaNAndInfinityStayInTheirRow) {
  const Tensor x = tensor({{1, 2, nan}, {1, 2, 3}, {1, inf, 2}, {-inf, inf, 0}}, float64);
  const double r = std::sqrt(1 / (2. / 3 + 1e-5));
  expect_values(plain_layer_norm(x), {nan, nan, nan, -r, 0, r, nan, nan, nan, nan, nan, nan});
  const double s = std::sqrt(1 / (14. / 3 + 1e-6));
  expect_values(plain_rms_norm(x), {nan, nan, nan, s, 2 * s, 3 * s, 0, nan, 0, nan, nan, 0});
  for (const auto f : {plain_layer_norm, plain_rms_norm}) {
    const std::vector<double> dx = gradient_of(f, x, x).to_vector();
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_TRUE(std::isnan(dx[i]));
      EXPECT_TRUE(std::isfinite(dx[3 + i]));
    }
  }
}

// The float32 mean of numbers around 1e6 is off by some hundredths: a single pass would show that.
TEST(LayerNorm, KeepsItsDigitsBesideALargeMean) {
  Generator generator(17);
  for (const std::int64_t n : {5, 128, 1000, 50000}) {
    const Tensor x = cast(randn({3, n}, generator, float64) + 1e6, float32), wide = cast(x, float64);
    const Tensor v = randn({3, n}, generator);
    expect_close(plain_layer_norm(x), plain_layer_norm(wide), 2e-6);
    expect_close(gradient_of(plain_layer_norm, x, v), gradient_of(plain_layer_norm, wide, cast(v, float64)),
                 1e-5);
  }
}

// More rows than one block of the gain's gradient, and groups that don't come out even.
TEST(Normalization, SumsTheGainsGradientOverAllRows) {
  Generator generator(6);
  for (const std::int64_t rows : {1, 63, 66, 129, 10001}) {
    const Tensor x = randn({rows, 6}, generator, float64), v = randn({rows, 6}, generator, float64);
    const auto by_gain = [&](const std::function<Tensor(const Tensor&)>& f) {
      return gradient_of(f, ones({6}, float64), v);
    };
    expect_close(by_gain([&](const Tensor& gain) { return layer_norm(x, gain, zeros({6}, float64)); }),
                 sum(v * plain_layer_norm(x), 0), 1e-11);
    expect_close(by_gain([&](const Tensor& gain) { return rms_norm(x, gain); }),
                 sum(v * plain_rms_norm(x), 0), 1e-11);
  }
}

class Properties : public testing::Test {
 protected:
  const std::uint64_t seed = fresh_seed();
  testing::ScopedTrace trace{__FILE__, __LINE__, "TAPER_SEED=" + std::to_string(seed)};
  Generator generator{seed};
};

TEST_F(Properties, LayerNormHasMeanZeroAndVarianceOne) {
  for (int round = 0; round < 20; ++round) {
    const double scale = std::exp(3 * generator.normal()), shift = 100 * generator.normal();
    const Tensor x = randn({4, 50}, generator, float64) * scale + shift;
    const Tensor y = layer_norm(x, ones({50}, float64), zeros({50}, float64), 1e-12 * scale * scale);
    expect_values(mean(y, 1), {0, 0, 0, 0}, 1e-10);
    expect_values(mean(square(y), 1), {1, 1, 1, 1}, 1e-10);
    const Tensor z = rms_norm(x, ones({50}, float64), 1e-12 * scale * scale);
    expect_values(mean(square(z), 1), {1, 1, 1, 1}, 1e-10);
  }
}

TEST_F(Properties, RotaryKeepsLengthsAndSeesDifferencesOfPositionsAlone) {
  for (int round = 0; round < 20; ++round) {
    const Tensor q = randn({1, 8}, generator, float64), k = randn({1, 8}, generator, float64);
    const auto score = [&](std::int64_t i, std::int64_t j) {
      return sum(rotary(q, i, 100) * rotary(k, j, 100)).item();
    };
    const auto i = static_cast<std::int64_t>(1000 * generator.uniform());
    const auto j = static_cast<std::int64_t>(1000 * generator.uniform());
    EXPECT_NEAR(sum(square(rotary(q, i))).item(), sum(square(q)).item(), 1e-11);
    EXPECT_NEAR(score(i, j), score(i - j, 0), 1e-10);
    EXPECT_NEAR(score(i, j), score(0, j - i), 1e-10);
    expect_close(rotary(rotary(q, i), -i), q);
  }
}

TEST(Rotary, APieceOfASequenceIsTurnedAsInTheWhole) {
  Generator generator(8);
  for (const DType dtype : {float32, float64}) {
    const Tensor x = randn({2, 300, 6}, generator, dtype);
    expect_same(rotary(slice(x, 1, 40, 300), 40), slice(rotary(x), 1, 40, 300));
  }
}

TEST(Rotary, Position0IsLeftAlone) {
  const Tensor x = tensor({{1, 2, 3, 4}}, float64);
  expect_values(rotary(x), {1, 2, 3, 4}, 0);
  // The first pair turns by one radian a position, the last by little.
  expect_values(rotary(tensor({{1, 0, 1, 0}}, float64), 1),
                {std::cos(1.0), std::sin(1.0), std::cos(0.01), std::sin(0.01)});
}

}  // namespace
}  // namespace taper::test
