// Losses of two tensors of one shape: against formulas written out, at their edges, and their errors.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
const double nan = std::numeric_limits<double>::quiet_NaN();

// Both derivatives of a loss of two tensors, with respect to both.
void check_gradients(const std::function<Tensor(const Tensor&, const Tensor&)>& loss, const Tensor& a,
                     const Tensor& b) {
  const auto f = [&](const Tensors& x) { return loss(x[0], x[1]); };
  for (const GradcheckReport& report : {gradcheck(f, {a, b}), gradgradcheck(f, {a, b})}) {
    EXPECT_TRUE(report.ok()) << report;
  }
}

void check_errors(const std::string& op, const std::function<Tensor(const Tensor&, const Tensor&)>& loss,
                  const std::string& a, const std::string& b) {
  expect_error(op, [&] { loss(ones({2, 1}), ones({2})); }, {a + " is float32 (2, 1), " + b, "(2,)"});
  expect_error(op, [&] { loss(ones({2}), ones({2}, float64)); }, {b + " is float64"});
  expect_error(op, [&] { loss(Tensor(), ones({2})); }, {a + " is an empty handle"});
  expect_error(op, [&] { loss(ones({2}), Tensor()); }, {b + " is an empty handle"});
}

TEST(MeanAbsoluteError, IsTheMeanOfDistances) {
  const Tensor a = tensor({{1, 2}, {3, 4}}, float64), b = tensor({{1, 0}, {0, 5}}, float64);
  expect_values(nn::mean_absolute_error(a, b), {6.0 / 4});
  expect_values(gradient_of([&](const Tensor& x) { return nn::mean_absolute_error(x, b); }, a),
                {0, 0.25, 0.25, -0.25});
  expect_values(gradient_of([&](const Tensor& x) { return nn::mean_absolute_error(a, x); }, b),
                {0, -0.25, -0.25, 0.25});
  check_errors("mean_absolute_error", nn::mean_absolute_error, "prediction", "target");
}

TEST(HuberLoss, IsASquareAndTwoLines) {
  Generator generator(1);
  for (const double delta : {0.5, 1.0, 3.0}) {
    const Tensor a = randn({40}, generator, float64) * 2.0, b = randn({40}, generator, float64);
    double expected = 0;
    std::vector<double> slopes;
    for (const double d : (a - b).to_vector()) {
      const double size = std::abs(d);
      expected += size <= delta ? d * d / 2 : delta * (size - delta / 2);
      slopes.push_back((size <= delta ? d : std::copysign(delta, d)) / 40);
    }
    const auto loss = [&](const Tensor& x, const Tensor& y) { return nn::huber_loss(x, y, delta); };
    expect_values(loss(a, b), {expected / 40});
    expect_values(gradient_of([&](const Tensor& x) { return loss(x, b); }, a), slopes);
    check_gradients(loss, a, b);
    expect_same(loss(a, b), loss(b, a));
  }
}

TEST(HuberLoss, AtItsEdges) {
  const Tensor zero = zeros({5}, float64), d = tensor({0, 1, -1, inf, -inf}, float64);
  const auto f = [&](const Tensor& x) { return nn::huber_loss(x, zero) * 5.0; };
  EXPECT_EQ(f(d).item(), inf);
  expect_values(gradient_of(f, d), {0, 1, -1, 1, -1}, 0);
  const auto slope = [&](const Tensor& x) {
    return sum(Tape::recording()->gradient(f(x), {x}, {.create_graph = true})[0]);
  };
  // The square's second derivative also if both are equal, and at the seam, as clamp has it.
  expect_values(gradient_of(slope, d), {1, 1, 1, 0, 0}, 0);
  EXPECT_TRUE(std::isnan(f(full({5}, nan, float64)).item()));
}

TEST(HuberLoss, Errors) {
  check_errors(
      "huber_loss", [](const Tensor& a, const Tensor& b) { return nn::huber_loss(a, b); }, "prediction",
      "target");
  for (const double delta : {0.0, -1.0, inf, nan}) {
    expect_error("huber_loss", [&] { nn::huber_loss(ones({2}), ones({2}), delta); },
                 {"delta must be positive", printed(delta)});
  }
}

double softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }
double sigmoid(double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }

// Down to the smallest numbers, relative to the result itself.
TEST(BinaryCrossEntropy, LosesNoDigits) {
  for (const DType dtype : {float32, float64}) {
    const double tolerance = dtype == float32 ? 5e-7 : 2e-15;
    for (const double size :
         {0.0, 1e-30, 1e-9, 1e-3, 0.1, 0.7, 1.0, 3.0, 15.0, 17.0, 40.0, 80.0, 1000.0, 1e30}) {
      for (const double x : {size, -size}) {
        for (const double y : {0.0, 1.0}) {
          const double z = static_cast<double>(static_cast<float>(x)), signed_z = y == 1 ? -z : z;
          const auto f = [&](const Tensor& logits) {
            return nn::binary_cross_entropy_with_logits(logits, full({}, y, dtype));
          };
          const Tensor logit = full({}, z, dtype);
          const auto expect_ratio = [&](double actual, double expected) {
            if (expected == 0) {
              EXPECT_EQ(actual, 0) << z << ' ' << y;
            } else {
              EXPECT_NEAR(actual / expected, 1, tolerance) << z << ' ' << y;
            }
          };
          expect_ratio(f(logit).item(), softplus(signed_z));
          expect_ratio(gradient_of(f, logit).item(), (y == 1 ? -1 : 1) * sigmoid(signed_z));
        }
      }
    }
  }
}

TEST(BinaryCrossEntropy, IsTheMeanForTargetsInBetweenToo) {
  Generator generator(2);
  const Tensor x = 3.0 * randn({3, 4}, generator, float64), y = uniform({3, 4}, 0, 1, generator, float64);
  const std::vector<double> logits = x.to_vector(), targets = y.to_vector();
  double expected = 0;
  for (std::size_t i = 0; i < 12; ++i) {
    expected -=
        targets[i] * std::log(sigmoid(logits[i])) + (1 - targets[i]) * std::log(1 - sigmoid(logits[i]));
  }
  expect_values(nn::binary_cross_entropy_with_logits(x, y), {expected / 12});
  check_gradients(nn::binary_cross_entropy_with_logits, x, y);
}

TEST(BinaryCrossEntropy, OfInfiniteLogits) {
  const auto check = [](double x, double y, double loss, double slope) {
    for (const DType dtype : {float32, float64}) {
      const auto f = [&](const Tensor& logits) {
        return nn::binary_cross_entropy_with_logits(logits, full({1}, y, dtype));
      };
      const Tensor logit = full({1}, x, dtype);
      expect_close(f(logit), full({}, loss, float64), 0);
      expect_close(gradient_of(f, logit), full({1}, slope, float64), 0);
    }
  };
  check(inf, 1, 0, 0);
  check(-inf, 0, 0, 0);
  check(-inf, 1, inf, -1);
  check(inf, 0, inf, 1);
  check(inf, 0.75, inf, 0.25);
  check(-inf, 0.75, inf, -0.75);
  check(nan, 1, nan, nan);
}

TEST(BinaryCrossEntropy, Errors) {
  check_errors("binary_cross_entropy_with_logits", nn::binary_cross_entropy_with_logits, "logits", "targets");
}

TEST(KlDivergence, IsTheMeanOverRows) {
  Generator generator(3);
  const Tensor log_q = log_softmax(randn({2, 3, 5}, generator, float64));
  const Tensor p = softmax(randn({2, 3, 5}, generator, float64));
  const std::vector<double> q = exp(log_q).to_vector(), target = p.to_vector();
  double expected = 0;
  for (std::size_t i = 0; i < q.size(); ++i) expected += target[i] * std::log(target[i] / q[i]) / 6;
  expect_values(nn::kl_divergence(log_q, p), {expected});
  EXPECT_GT(expected, 0);
  expect_values(nn::kl_divergence(log(p), p), {0}, 1e-15);
  check_gradients(nn::kl_divergence, log_q, p);
}

TEST(KlDivergence, AProbabilityOfZeroAddsNothing) {
  const Tensor log_q = tensor({{-inf, 0}, {std::log(0.5), std::log(0.5)}}, float64);
  const Tensor p = tensor({{0, 1}, {1, 0}}, float64);
  expect_values(nn::kl_divergence(log_q, p), {std::log(2) / 2});
  expect_values(gradient_of([&](const Tensor& x) { return nn::kl_divergence(x, p); }, log_q),
                {0, -0.5, -0.5, 0}, 0);
  expect_values(gradient_of([&](const Tensor& x) { return nn::kl_divergence(log_q, x); }, p),
                {0, 0.5, (1 + std::log(2)) / 2, 0});
  // But one that is wanted and was called impossible is infinitely wrong.
  expect_values(nn::kl_divergence(log_q, tensor({{1, 0}, {1, 0}}, float64)), {inf});
  EXPECT_TRUE(std::isnan(nn::kl_divergence(log_q, tensor({{nan, 1}, {1, 0}}, float64)).item()));
}

TEST(KlDivergence, Errors) {
  check_errors("kl_divergence", nn::kl_divergence, "log_probabilities", "target");
  expect_error("kl_divergence", [] { nn::kl_divergence(ones({}), ones({})); }, {"at least one axis", "()"});
}

}  // namespace
}  // namespace taper::test
