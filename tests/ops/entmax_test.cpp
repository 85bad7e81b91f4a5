// entmax against 80 digits and against the package entmax (golden/entmax.json, which golden/make_entmax.py
// writes), the edges of docs/ops/entmax.md, and random rows, other ones in each run.
#include "support/golden.hpp"
#include "support/random_cases.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <fstream>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using Json = nlohmann::json;
constexpr double inf = std::numeric_limits<double>::infinity();
const double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();

const Json& entmax_golden() {
  static const Json all = Json::parse(std::ifstream(std::string(TAPER_GOLDEN_DIR) + "/entmax.json"));
  return all;
}

// p, the gradient of v . p by z, and that of w . gradient.
struct Derivatives {
  Tensor p, gradient, second;
};
Derivatives derivatives(const Tensor& input, double alpha, std::int64_t k, const Tensor& v, const Tensor& w) {
  Tensor z = input.clone().requires_grad();
  Tape tape;
  const Tensor p = entmax(z, alpha, k);
  const Tensor gradient = tape.gradient(p, {z}, {.create_graph = true, .cotangent = v})[0];
  return {p.detach(), gradient.detach(), tape.gradient(sum(w * gradient), {z})[0]};
}

// The largest error, measured by the largest element expected, or by 1 if that is smaller.
void expect_near(const Tensor& actual, const Tensor& expected, double tolerance, const char* what) {
  SCOPED_TRACE(what);
  const double scale = std::max(1.0, max(abs(expected)).item());
  expect_close(cast(actual, float64) / scale, expected / scale, tolerance);
}

TEST(Entmax, AgreesWithEightyDigitsAndWithThePackage) {
  for (const Json& entry : entmax_golden()["entmax"]) {
    const double alpha = entry["alpha"].get<double>();
    const auto k = entry["k"].get<std::int64_t>();
    SCOPED_TRACE("alpha = " + std::to_string(alpha) + ", k = " + std::to_string(k));
    const Tensor z = tensor_of(entry["input"]), v = tensor_of(entry["cotangent"]),
                 w = tensor_of(entry["direction"]);
    const Tensor p = tensor_of(entry["output"]), gradient = tensor_of(entry["gradient"]),
                 second = tensor_of(entry["second"]);
    const Derivatives wide = derivatives(z, alpha, k, v, w);
    expect_near(wide.p, p, 1e-12, "value");
    expect_near(wide.gradient, gradient, 1e-12, "gradient");
    expect_near(wide.second, second, 1e-12, "second derivative");
    const auto narrowed = [](const Tensor& x) { return cast(x, float32); };
    const Derivatives narrow = derivatives(narrowed(z), alpha, k, narrowed(v), narrowed(w));
    expect_near(narrow.p, p, 1e-6, "value in float32");
    expect_near(narrow.gradient, gradient, 1e-6, "gradient in float32");
    // Above 1.5 it grows without bound at the edge of the support.
    expect_near(narrow.second, second, alpha <= 1.5 ? 1e-6 : 1e-5, "second derivative in float32");
    if (!entry.contains("package")) continue;
    // entmax15 sorts, and its threshold loses some digits; entmax_bisect halves an interval a hundred times.
    expect_near(wide.p, tensor_of(entry["package"]["output"]), 1e-12, "the package's value");
    expect_near(wide.gradient, tensor_of(entry["package"]["gradient"]), 1e-12, "the package's gradient");
  }
}

TEST(Entmax, LossesAgreeWithEightyDigitsAndWithThePackage) {
  for (const Json& entry : entmax_golden()["losses"]) {
    const double alpha = entry["alpha"].get<double>();
    const auto k = entry["k"].get<std::int64_t>();
    SCOPED_TRACE("alpha = " + std::to_string(alpha) + ", k = " + std::to_string(k));
    const Tensor z = tensor_of(entry["input"]), q = tensor_of(entry["target"]);
    const auto loss = [&](const Tensor& x) {
      return nn::entmax_loss(x, cast(q, x.dtype()), {.alpha = alpha, .k = k});
    };
    const Tensor value = tensor(entry["output"].get<double>(), float64),
                 gradient = tensor_of(entry["gradient"]);
    expect_near(loss(z), value, 1e-12, "value");
    expect_near(gradient_of(loss, z), gradient, 1e-12, "gradient");
    expect_near(loss(cast(z, float32)), value, 1e-6, "value in float32");
    expect_near(gradient_of(loss, cast(z, float32)), gradient, 1e-6, "gradient in float32");
    if (entry.contains("package")) {
      expect_near(loss(z), tensor(entry["package"].get<double>(), float64), 1e-12, "the package's value");
    }
  }
}

// alpha = 1.5 in closed form: for two elements x apart, u_1 + u_2 = 2 u with u_1 - u_2 = x / 2 and u_1^2 +
// u_2^2 = 1.
TEST(Entmax, TwoElementsInClosedForm) {
  for (const double x : {0.0, 0.1, 1.0, 1.9, 1.999999, 2.0, 3.0}) {
    const double half = x / 4, middle = std::sqrt(0.5 - half * half);
    const double first = x >= 2 ? 1 : (middle + half) * (middle + half);
    expect_values(entmax(row({7, 7 - x}), 1.5), {first, 1 - first}, 1e-15);
  }
}

TEST(Entmax, OneAndTwoAreSoftmaxAndSparsemax) {
  const Tensor z = row({1.2, 1, 0.9, 0.8, -1});
  expect_same(entmax(z, 1), topk_softmax(z, 5));
  expect_same(entmax(z, 1, 2), topk_softmax(z, 2));
  expect_same(entmax(z, 2), sparse_softmax(z, 5));
  expect_same(entmax(z, 2, 2), sparse_softmax(z, 2));
  // And they are the limits.
  expect_close(entmax(z, 1 + 1e-9), softmax(z), 1e-8);
  expect_close(entmax(z, 2 - 1e-9), sparse_softmax(z, 5), 1e-8);
}

TEST(Entmax, TiesGoToTheLowestIndex) {
  for (const double alpha : {1.2, 1.5, 1.8}) {
    expect_values(entmax(row({0, 7, 7, 7, 7}), alpha, 2), {0, 0.5, 0.5, 0, 0}, 1e-15);
    expect_values(entmax(row({7, 7, 7, 7, 8}), alpha, 1), {0, 0, 0, 0, 1}, 0);
    const std::vector<double> p = entmax(row({7, 7, 7, 7, 7.1}), alpha, 3).to_vector();
    EXPECT_EQ(p[0], p[1]);
    EXPECT_GT(p[0], 0);
    EXPECT_EQ(p[2], 0);
    EXPECT_GT(p[4], p[0]);
  }
}

TEST(Entmax, EdgesOfARow) {
  for (const double alpha : {1.2, 1.5, 1.8}) {
    SCOPED_TRACE(alpha);
    const auto f = [alpha](const Tensor& x) { return entmax(x, alpha, 3); };
    // -inf is no element.
    expect_same(gather(f(row({-inf, 0.5, -inf, 0.25})), Indices({1, 3})), f(row({0.5, 0.25})));
    const Tensor v = tensor({{1, 2, 3, inf}, {1, 2, 3, 4}, {1, 2, 3, 4}}, float64);
    const Tensor z = tensor({{-inf, -inf, -inf, -inf}, {0, -inf, 0.5, -inf}, {nan, 1, 0, 0}}, float64);
    const Tensor p = f(z), dz = gradient_of(f, z, v);
    for (const Tensor& t : {p, dz}) {
      expect_values(slice(t, 0, 0, 1), {0, 0, 0, 0}, 0);
      for (double x : slice(t, 0, 1, 2).to_vector()) EXPECT_TRUE(std::isfinite(x));
      expect_values(slice(t, 0, 2, 3), {nan, nan, nan, nan});
    }
    expect_values(slice(f(tensor({{inf, 0}, {0, 0}}, float64)), 0, 0, 1), {nan, nan});
    EXPECT_TRUE(f(zeros({3, 0})).shape() == (Shape{3, 0}));
    // An infinite cotangent off the support does not matter,
    for (double x : gradient_of(f, row({0, 0.5, -20}), row({1, 2, inf})).to_vector())
      EXPECT_TRUE(std::isfinite(x));
    // Huge values keep their differences.
    expect_values(f(row({1e30, -1e30, 1e30})), {0.5, 0, 0.5}, 1e-15);
    expect_close(f(row({0x1p51, 0x1p51 + 0.5})), f(row({0, 0.5})), 1e-15);
    // nor in the second derivative.
    const Derivatives found =
        derivatives(row({0.3, -20, 0.1}), alpha, no_limit, row({1, inf, 3}), row({4, 1, 2}));
    const Derivatives without = derivatives(row({0.3, 0.1}), alpha, no_limit, row({1, 3}), row({4, 2}));
    expect_close(gather(found.second, Indices({0, 2})), without.second, 1e-15);
    EXPECT_EQ(found.second.to_vector()[1], 0);
  }
}

class EntmaxProperty : public testing::Test, protected RandomCases {};

TEST_F(EntmaxProperty, RandomRowsAgreeWithBisection) {
  for (int round = 0; round < 300; ++round) {
    const std::int64_t n = integer(1, round % 20 == 0 ? 700 : 200);
    const std::int64_t k = integer(0, 1) == 0 ? no_limit : integer(1, n);
    const double alpha = integer(0, 1) == 0 ? 1.5 : 1.02 + 0.97 * generator.uniform();
    const double scale = std::pow(10, static_cast<double>(integer(-3, 2)));
    Row z(static_cast<std::size_t>(n));
    for (double& value : z) {
      value = scale * generator.normal();
      if (round % 3 == 1) value = 0.25 * static_cast<double>(integer(-2, 2));
      if (round % 5 == 2 && generator.uniform() < 0.4) value = -inf;
    }
    SCOPED_TRACE(testing::PrintToString(z) + ", alpha = " + std::to_string(alpha) +
                 ", k = " + std::to_string(k));
    const Row expected = entmax_row(z, alpha, k);
    expect_values(entmax(row(z), alpha, k), expected, 1e-12);
    const Tensor narrow = cast(row(z), float32);
    expect_values(cast(entmax(narrow, alpha, k), float64), entmax_row(narrow.to_vector(), alpha, k), 1e-6);
    if (HasFailure()) return;
  }
}

TEST_F(EntmaxProperty, ThirdDerivativesAreThoseOfTheSecond) {
  for (const double alpha : {1.3, 1.5, 1.7}) {
    const auto second_by = [&](const Tensor& v) {
      return [alpha, v](const Tensor& x) {
        Tape* const tape = Tape::recording();
        const Tensor dx = tape->gradient(entmax(x, alpha), {x}, {.create_graph = true, .cotangent = v})[0];
        return tape->gradient(dx, {x}, {.create_graph = true, .cotangent = v})[0];
      };
    };
    const Tensor z = row({0.3, 0.11, -0.24, 0.43}), v = row({1, -2, 0.5, 3}), w = row({0.3, 1, -1, 0.7});
    const Tensor third = gradient_of(second_by(v), z, w);
    const double h = 1e-4;
    for (std::int64_t i = 0; i < z.size(); ++i) {
      const auto weighted = [&](double step) {
        Tensor moved = z.clone();
        moved.mutable_data<double>()[i] += step;
        moved.requires_grad();
        Tape tape;
        return sum(w * second_by(v)(moved)).item();
      };
      const double difference =
          (8 * (weighted(h) - weighted(-h)) - (weighted(2 * h) - weighted(-2 * h))) / (12 * h);
      EXPECT_NEAR(third.to_vector()[static_cast<std::size_t>(i)], difference,
                  1e-7 * (1 + std::abs(difference)));
    }
  }
}

TEST(EntmaxLoss, Errors) {
  const auto fails = [](const std::function<void()>& call, const std::vector<std::string>& says) {
    expect_error("entmax_loss", call, says);
  };
  const Tensor z = ones({2, 3}), q = ones({2, 3}) / 3.0;
  fails([&] { nn::entmax_loss(z, ones({3, 2})); }, {"targets", "(3, 2)"});
  fails([&] { nn::entmax_loss(z, cast(q, float64)); }, {"float64"});
  fails([&] { nn::entmax_loss(z, q, {.alpha = 0.9}); }, {"alpha must be from 1 to 2, got 0.9"});
  fails([&] { nn::entmax_loss(z, q, {.k = 0}); }, {"k must be at least 1, got 0"});
  fails([&] { nn::entmax_loss(z, q.clone().requires_grad()); }, {"targets.detach()"});
  fails([&] { nn::entmax_loss(ones({0, 3}), ones({0, 3})); }, {"(0, 3)"});
  fails([&] { nn::entmax_loss(z, Indices({0, 3})); }, {"labels has 3"});
}

// Labels are targets of one, and rows that are ignored count for nothing.
TEST(EntmaxLoss, LabelsAreTargets) {
  const Tensor z = tensor({{0.3, -0.1, 0.9}, {nan, 0, inf}, {1, 2, 1.5}}, float64);
  const Tensor counted = gather(z, Indices({0, 2}), 0), q = tensor({{1, 0, 0}, {0, 0, 1}}, float64);
  for (const double alpha : {1.0, 1.5, 2.0}) {
    const auto by_label = [&](const Tensor& x) { return nn::entmax_loss(x, {0, -100, 2}, {.alpha = alpha}); };
    const auto by_target = [&](const Tensor& x) { return nn::entmax_loss(x, q, {.alpha = alpha}); };
    expect_close(by_label(z), by_target(counted), 1e-15);
    const Tensor slopes = gradient_of(by_label, z);
    expect_close(gather(slopes, Indices({0, 2}), 0), gradient_of(by_target, counted), 1e-15);
    expect_values(slice(slopes, 0, 1, 2), {0, 0, 0}, 0);
  }
  expect_close(nn::entmax_loss(counted, {0, 2}, {.alpha = 1}), cross_entropy(counted, {0, 2}), 1e-14);
  expect_close(nn::entmax_loss(counted, {0, 2}, {.alpha = 2}), nn::sparsemax_loss(counted, {0, 2}), 0);
  // 0 from the margin 1 / (alpha - 1) on.
  expect_values(nn::entmax_loss(row({2, 0}), Indices({0}, {}), {.alpha = 1.5}), {0}, 0);
  EXPECT_GT(nn::entmax_loss(row({1.9, 0}), Indices({0}, {}), {.alpha = 1.5}).item(), 0);
}

}  // namespace
}  // namespace taper::test
