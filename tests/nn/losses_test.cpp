// Losses, against formulas written out in float64, also with infinite logits and ignored rows.
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

TEST(MeanSquaredError, IsTheMeanOfSquares) {
  expect_values(nn::mean_squared_error(tensor({{1, 2}, {3, 4}}, float64), tensor({{1, 0}, {0, 4}}, float64)),
                {13.0 / 4});
  expect_error("mean_squared_error",
               [] {
                 nn::mean_squared_error(ones({2, 1}), ones({2}));
               },
               {"(2, 1)", "(2,)"});
  expect_error("mean_squared_error", [] { nn::mean_squared_error(ones({2}), ones({2}, float64)); },
               {"float64"});
}

TEST(CrossEntropy, IsTheMeanOfNegativeLogProbabilities) {
  const Tensor logits = tensor({{{1, 2, 3}, {0, 0, 0}}, {{-1, 5, 2}, {1000, 0, -1000}}}, float64);
  const Indices labels({2, 1, 0, 1}, {2, 2});
  const auto log_sum = [](double a, double b, double c) {
    return std::log(std::exp(a) + std::exp(b) + std::exp(c));
  };
  const double expected = ((log_sum(1, 2, 3) - 3) + std::log(3.0) + (log_sum(-1, 5, 2) + 1) + 1000) / 4;
  expect_values(nn::cross_entropy(logits, labels), {expected});
  const auto f = [&](const Tensor& x) { return nn::cross_entropy(x, labels); };
  const GradcheckReport report = gradcheck(f, slice(logits, 2, 0, 3) * 0.01);
  EXPECT_TRUE(report.ok()) << report;
}

TEST(CrossEntropy, ALogitOfMinusInfinityAddsNothing) {
  const Tensor z = tensor({{0, -inf, 1}, {-inf, 2, -inf}}, float64);
  const double p = 1 / (1 + std::exp(1));
  expect_values(nn::cross_entropy(z, {0, 1}), {-std::log(p) / 2});
  expect_values(gradient_of(
                    [](const Tensor& x) {
                      return nn::cross_entropy(x, {0, 1});
                    },
                    z),
                {(p - 1) / 2, 0, (1 - p) / 2, 0, 0, 0});
  // The label's own logit: an infinite loss that still says where to go.
  const auto f = [](const Tensor& x) { return nn::cross_entropy(x, {1, 1}); };
  expect_values(f(z), {inf});
  expect_values(gradient_of(f, z), {p / 2, -0.5, (1 - p) / 2, 0, 0, 0});
  // Smoothing asks for some of every class.
  const auto smoothed = [](const Tensor& x) {
    return nn::cross_entropy(x, {0, 1}, {.label_smoothing = 0.3});
  };
  expect_values(smoothed(z), {inf});
  expect_values(gradient_of(smoothed, z), {(p - 0.8) / 2, -0.05, (0.9 - p) / 2, -0.05, 0.1, -0.05});
  expect_values(nn::cross_entropy(z, {1, 1}, {.label_smoothing = 1}), {inf});
}

TEST(CrossEntropy, ABadRowIsNaN) {
  for (const double bad : {nan, inf}) {
    for (const DType dtype : {float32, float64}) {
      for (const std::int64_t label : {0, 1}) {
        const Tensor z = tensor({{0, bad, 1}, {0, 0, 0}}, dtype);
        const auto f = [&](const Tensor& x) { return nn::cross_entropy(x, {label, 0}); };
        EXPECT_TRUE(std::isnan(f(z).item()));
        const double third = 1. / 6;
        expect_close(gradient_of(f, z), Array{{2, 3}, {nan, nan, nan, -2 * third, third, third}}, 1e-7);
      }
    }
  }
  EXPECT_TRUE(std::isnan(nn::cross_entropy(tensor({{-inf, -inf}}), {0}).item()));
}

TEST(CrossEntropy, AnIgnoredRowHasNoGradientWhateverItHolds) {
  const Tensor z = tensor({{nan, inf}, {0, 1}, {-inf, -inf}}, float64);
  const Indices labels{-1, 0, -1};
  const auto f = [&](const Tensor& x) {
    return nn::cross_entropy(x, labels, {.label_smoothing = 0.1, .ignored_label = -1});
  };
  const double p = 1 / (1 + std::exp(1));
  expect_values(f(z), {-0.95 * std::log(p) - 0.05 * std::log(1 - p)});
  expect_values(gradient_of(f, z), {0, 0, p - 0.95, 0.95 - p, 0, 0});
  // The gradient of the gradient, too.
  const auto slope = [&](const Tensor& x) {
    Tape* tape = Tape::recording();
    return sum(square(tape->gradient(f(x), {x}, {.create_graph = true})[0]));
  };
  const double curvature = 2 * (p - 0.95) * 2 * p * (1 - p);
  expect_values(gradient_of(slope, z), {0, 0, curvature, -curvature, 0, 0});
}

TEST(CrossEntropy, DoesNotOverflow) {
  for (const DType dtype : {float32, float64}) {
    const Tensor z = tensor({{1e30, -1e30, 0}}, dtype);
    expect_close(nn::cross_entropy(z, {0}), zeros({}), 0);
    EXPECT_NEAR(nn::cross_entropy(z, {2}).item() / 1e30, 1, 1e-6);
    expect_close(gradient_of([](const Tensor& x) { return nn::cross_entropy(x, {2}); }, z),
                 Array{{1, 3}, {1, 0, -1}}, 0);
  }
}

// What the composition of ops gives, for rows of all lengths that the kernels treat differently.
TEST(CrossEntropy, IsTheSameAsItsComposition) {
  const std::uint64_t seed = fresh_seed();
  SCOPED_TRACE("TAPER_SEED=" + std::to_string(seed));
  Generator generator(seed);
  for (const DType dtype : {float32, float64}) {
    for (const std::int64_t n : {1, 2, 3, 4, 7, 8, 9, 16, 31, 33, 1023, 1025, 5000}) {
      const std::int64_t rows = 20;
      std::vector<std::int64_t> labels, positions;
      for (std::int64_t row = 0; row < rows; ++row) {
        labels.push_back(static_cast<std::int64_t>(generator.uniform() * static_cast<double>(n)));
        positions.push_back(row * n + labels.back());
      }
      const Tensor z = 3.0 * randn({rows, n}, generator, dtype);
      const auto composition = [&](const Tensor& x) {
        const Tensor y = log_softmax(x);
        return -(0.9 * mean(gather(reshape(y, {-1}), Indices(positions))) + 0.1 * mean(y));
      };
      const auto f = [&](const Tensor& x) {
        return nn::cross_entropy(x, Indices(labels), {.label_smoothing = 0.1});
      };
      const double tolerance = dtype == float32 ? 2e-6 : 1e-12;
      const Tensor wide = cast(z, float64);
      expect_close(f(z), composition(wide), tolerance);
      expect_close(gradient_of(f, z) * static_cast<double>(rows),
                   gradient_of(composition, wide) * static_cast<double>(rows), tolerance);
    }
  }
}

class SparsemaxLoss : public testing::Test {
 protected:
  // Martins and Astudillo's form: -z_y + 1/2 sum over S of (z_j^2 - tau^2) + 1/2, of the k largest.
  static double reference(const Row& z, std::size_t label, std::int64_t k) {
    const Row p = sparse_softmax_row(z, k);
    double loss = 0.5 - z[label];
    for (std::size_t j = 0; j < z.size(); ++j) {
      const double tau = z[j] - p[j];
      if (p[j] > 0) loss += (z[j] * z[j] - tau * tau) / 2;
    }
    return loss;
  }
  Row draw(std::int64_t n, double deviation) {
    Row z;
    for (std::int64_t j = 0; j < n; ++j) z.push_back(deviation * generator.normal());
    return z;
  }
  std::int64_t index_below(std::int64_t n) {
    return static_cast<std::int64_t>(generator.uniform() * static_cast<double>(n));
  }
  static Tensor loss_of(const Tensor& z, std::int64_t label, std::int64_t k) {
    return nn::sparsemax_loss(z, Indices({label}, {}), {.k = k});
  }

  const std::uint64_t seed = fresh_seed();
  testing::ScopedTrace trace{__FILE__, __LINE__, "TAPER_SEED=" + std::to_string(seed)};
  Generator generator{seed};
};

TEST_F(SparsemaxLoss, IsTheFormulaAndItsGradientIsPredictionMinusTarget) {
  for (int round = 0; round < 300; ++round) {
    const std::int64_t n = 1 + index_below(9), k = 1 + index_below(10), label = index_below(n);
    const Row z = draw(n, round % 3 == 0 ? 0.2 : 1);
    const auto f = [&](const Tensor& x) { return loss_of(x, label, k); };
    expect_values(f(row(z)), {reference(z, static_cast<std::size_t>(label), k)}, 1e-12);
    std::vector<double> expected = sparse_softmax(row(z), k).to_vector();
    expected[static_cast<std::size_t>(label)] -= 1;
    EXPECT_EQ(gradient_of(f, row(z)).to_vector(), expected);
  }
}

// With two classes L is a smoothed hinge of the margin t: 0, (1 - t)^2 / 4 and -t for t >= 1,
// |t| < 1, t <= -1.
TEST_F(SparsemaxLoss, IsASmoothedHingeOfTwoClasses) {
  for (int round = 0; round < 100; ++round) {
    const Row z = draw(2, 1);
    const double t = z[1] - z[0];
    expect_values(loss_of(row(z), 1, 2), {t >= 1 ? 0 : t <= -1 ? -t : (1 - t) * (1 - t) / 4}, 1e-12);
    expect_values(loss_of(row(z), 1, 1), {t >= 0 ? 0 : -t}, 1e-12);  // the perceptron's
  }
}

TEST_F(SparsemaxLoss, IsZeroExactlyWhereTheMarginIsOne) {
  for (const DType dtype : {float32, float64}) {
    for (int round = 0; round < 300; ++round) {
      const std::int64_t n = 2 + index_below(8), k = 2 + index_below(8), label = index_below(n);
      Tensor z = randn({n}, generator, dtype);
      std::vector<double> others = z.to_vector();
      others.erase(others.begin() + label);
      const double largest = *std::max_element(others.begin(), others.end());
      const auto loss_at_margin = [&](double margin) {
        dispatch(dtype, [&]<class T>() { z.mutable_data<T>()[label] = static_cast<T>(largest + margin); });
        return loss_of(z, label, k).item();
      };
      EXPECT_EQ(loss_at_margin(1 + 1e-6), 0);
      EXPECT_EQ(loss_at_margin(50), 0);
      EXPECT_GT(loss_at_margin(0.99), 0);
      EXPECT_GE(loss_at_margin(1 - 3e-4 * generator.uniform()), 0);  // about 1e-8, below p's rounding
      EXPECT_GT(loss_at_margin(2 * generator.uniform() - 1.5), 0);
    }
  }
}

TEST_F(SparsemaxLoss, IsNeverNegativeAndIsConvex) {
  for (const DType dtype : {float32, float64}) {
    for (int round = 0; round < 300; ++round) {
      const std::int64_t n = 1 + index_below(9), k = 1 + index_below(10), label = index_below(n);
      const Tensor a = randn({n}, generator, dtype), b = randn({n}, generator, dtype);
      const double at_a = loss_of(a, label, k).item(), at_b = loss_of(b, label, k).item();
      EXPECT_GE(at_a, 0);
      EXPECT_LE(loss_of((a + b) * 0.5, label, k).item(), (at_a + at_b) / 2 + 1e-6);
    }
  }
}

TEST_F(SparsemaxLoss, Gradcheck) {
  for (const std::int64_t k : {1, 2, 3, 100}) {
    const Tensor z =
        tensor({{0.31, 0.1, -0.24, 0.73}, {-0.5, 0.42, 0.2, -0.13}, {2, 0, 0.11, 0.53}}, float64);
    const auto f = [&](const Tensor& x) {
      return nn::sparsemax_loss(x, {0, -100, 3}, {.k = k}) + nn::sparsemax_loss(x, {1, 1, 0}, {.k = k});
    };
    for (const GradcheckReport& report : {gradcheck(f, z), gradgradcheck(f, z)}) {
      EXPECT_TRUE(report.ok()) << report;
      EXPECT_TRUE(report.kinks.empty()) << report;
    }
  }
}

TEST_F(SparsemaxLoss, ALogitOfMinusInfinityIsNoClass) {
  for (const std::int64_t k : {1, 2, 100}) {
    const Tensor z = row({0.3, -inf, 0.1, -inf}), without = row({0.3, 0.1});
    expect_same(loss_of(z, 2, k), loss_of(without, 1, k));
    const std::vector<double> slope =
        gradient_of([&](const Tensor& x) { return loss_of(x, 1, k); }, without).to_vector();
    const auto f = [&](const Tensor& x) { return loss_of(x, 2, k); };
    expect_values(gradient_of(f, z), {slope[0], 0, slope[1], 0}, 0);
    // The label's own: an infinite loss, and the gradient p - e_y all the same.
    const auto hopeless = [&](const Tensor& x) { return loss_of(x, 1, k); };
    expect_values(hopeless(z), {inf});
    const std::vector<double> p = sparse_softmax(z, k).to_vector();
    expect_values(gradient_of(hopeless, z), {p[0], -1, p[2], 0}, 0);
    const Tensor nothing = row({-inf, -inf});
    expect_values(loss_of(nothing, 1, k), {inf});
    expect_values(gradient_of([&](const Tensor& x) { return loss_of(x, 1, k); }, nothing), {0, -1}, 0);
  }
}

TEST_F(SparsemaxLoss, ABadRowIsNaNAndAnIgnoredOneIsNot) {
  const Tensor z = tensor({{nan, 0}, {0, 0.5}, {inf, 0}}, float64);
  const auto f = [](const Tensor& x) { return nn::sparsemax_loss(x, {-100, 0, -100}); };
  expect_values(f(z), {0.5625}, 1e-15);  // (1 + 0.5)^2 / 4
  expect_values(gradient_of(f, z), {0, 0, -0.75, 0.75, 0, 0}, 1e-15);
  const auto bad = [](const Tensor& x) { return nn::sparsemax_loss(x, {0, 0, 0}); };
  EXPECT_TRUE(std::isnan(bad(z).item()));
  expect_values(gradient_of(bad, z), {nan, nan, -0.25, 0.25, nan, nan}, 1e-15);
}

TEST_F(SparsemaxLoss, HugeLogitsKeepTheirDifferences) {
  expect_values(loss_of(row({1e15, 1e15 + 0.5}), 0, 2), {0.5625}, 0);
  expect_values(loss_of(row({-1e30, 1e30, 0}), 2, 3), {1e30}, 1e-15);
}

TEST_F(SparsemaxLoss, Errors) {
  expect_error("sparsemax_loss", [] { nn::sparsemax_loss(ones({2, 3}), {0, 1, 2}); }, {"(2, 3)", "(3,)"});
  expect_error("sparsemax_loss", [] { nn::sparsemax_loss(ones({2, 3}), {0, 3}); }, {"3", "(2, 3)"});
  expect_error("sparsemax_loss", [] { nn::sparsemax_loss(ones({2, 3}), {-100, -100}); }, {"ignored"});
  expect_error("sparsemax_loss",
               [] {
                 nn::sparsemax_loss(ones({1, 3}), {0}, {.k = 0});
               },
               {"k must", "got 0"});
}

}  // namespace
}  // namespace taper::test
