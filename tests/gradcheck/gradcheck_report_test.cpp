// What a gradient check says: the table, JSON, the curve; and the ways in that need no tape.
#include "gradcheck/gradcheck_helpers.hpp"
#include <taper/core/gradcheck/gtest.hpp>
#include <taper/core/gradcheck/xtensor.hpp>
#include <taper/taper.hpp>

#include <cmath>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace taper::test {
namespace {

using Numbers = std::vector<double>;

TEST(GradcheckReport, PlainFunctionsAndTheirGradients) {
  const auto f = [](const Numbers& x) { return x[0] * x[0] * x[1] + std::sin(x[1]); };
  const auto right = [](const Numbers& x) { return Numbers{2 * x[0] * x[1], x[0] * x[0] + std::cos(x[1])}; };
  const auto wrong = [](const Numbers& x) { return Numbers{2 * x[0] * x[1], x[0] * x[0]}; };
  const auto short_one = [](const Numbers& x) { return Numbers{x[0]}; };
  expect_verdict(gradcheck(f, right, {1.5, 2}), Verdict::passed, {"2 elements"});
  const GradcheckReport report = gradcheck(f, wrong, {1.5, 2});
  expect_verdict(report, Verdict::failed, {"x[1]"});
  EXPECT_NEAR(report.elements.front().numeric, 1.5 * 1.5 + std::cos(2), 1e-10) << "the gradient itself";
  expect_error("gradcheck", [&] { gradcheck(f, short_one, {1.5, 2}); }, {"1 elements", "2"});
}

TEST(GradcheckReport, FunctionsOfXtensorArrays) {
  using X = xt::xarray<double>;
  const auto f = [](const X& x) -> X { return x * x * x; };
  const auto right = [](const X& x, const X& dy) -> X { return dy * 3 * x * x; };
  const auto wrong = [](const X& x, const X& dy) -> X { return dy * 2 * x * x; };
  const auto flat = [](const X& x, const X&) -> X { return X::from_shape({x.size()}); };
  const X x{{1, 2}, {3, -4}};
  expect_verdict(gradcheck(f, right, x), Verdict::passed, {"4 elements"});
  expect_verdict(gradcheck(f, wrong, x), Verdict::failed, {"all elements off by the factor 0.666667"});
  expect_error("gradient", [&] { gradcheck(f, flat, x); }, {"(4,)", "(2, 2)"});
}

TEST(GradcheckReport, SeveralResults) {
  const ManyFunction f = [](const Tensors& in) { return Tensors{sum(in[0]), in[0] * in[1], in[1].detach()}; };
  const Tensors inputs{row({1, 2}), row({3, 4})};
  expect_verdict(gradcheck(f, inputs), Verdict::failed, {"argument 1"});
  const ManyFunction right = [](const Tensors& in) {
    return Tensors{sum(in[0]), in[0] * in[1], in[1] * 2.0};
  };
  expect_verdict(gradcheck(right, inputs), Verdict::passed, {"4 elements"});
}

TEST(GradcheckReport, AsAssertionsOfGoogleTest) {
  EXPECT_GRADIENTS(square, row({1, 2}));
  EXPECT_GRADIENTS([](const Tensors& in) { return in[0] * in[1]; }, {row({1, 2}), row({3, 4})});
  EXPECT_SECOND_GRADIENTS(square, row({1, 2}));
  EXPECT_NONFATAL_FAILURE(EXPECT_GRADIENTS([](const Tensor& x) { return square(x.detach()); }, row({1, 2})),
                          "zero everywhere");
  EXPECT_NONFATAL_FAILURE(EXPECT_GRADIENTS(abs, row({0, 0})), "nothing could be compared");
}

TEST(GradcheckReport, AsJson) {
  const auto f = [](const Tensor& x) {
    const auto product = [x](const Tensor& dy) { return dy * (2.0 * x) * row({1, std::nan(""), 3}); };
    return record("planted", square(x.detach()), vjp(x, product));
  };
  const auto json = nlohmann::json::parse(gradcheck(f, row({1, 2, 3}), {.seed = 7}).json());
  EXPECT_EQ(json.at("verdict"), "failed");
  EXPECT_EQ(json.at("seed"), 7);
  EXPECT_EQ(json.at("names").at(0), "argument 0");
  EXPECT_EQ(json.at("elements").size(), 3u);
  EXPECT_EQ(json.at("elements").at(0).at("index"), nlohmann::json({1}));
  EXPECT_EQ(json.at("elements").at(0).at("analytic"), "nan");
  EXPECT_EQ(json.at("elements").at(0).at("error"), "inf");
  EXPECT_EQ(json.at("elements").at(1).at("x"), 3);
  EXPECT_FALSE(json.at("diagnosis").empty());
}

TEST(GradcheckReport, TheSeedRepeatsIt) {
  const auto report = [](std::uint64_t seed) {
    return gradcheck(tanh, row({0.5, -1, 2}), {.seed = seed}).json();
  };
  EXPECT_EQ(report(3), report(3));
  EXPECT_NE(report(3), report(4));
}

TEST(GradcheckReport, ElementsFarBelowTheLargestTellNoOrder) {
  const auto times = [](const Tensor& factors) { return [=](const Tensor& x) { return x * factors; }; };
  const auto wrong = [](const Tensor& dy, const Tensor&) { return dy * row({1e6, 3e-3, 2e-3}); };
  const GradcheckReport report =
      gradcheck(with_product(times(row({1e6, 1e-3, 2e-3})), wrong), row({1, 2, 3}));
  expect_verdict(report, Verdict::failed, {"argument 0 (1,)"});
  EXPECT_EQ(printed(report).find("order"), std::string::npos) << report;
}

// The V: errors fall with the step until rounding takes over, and the extrapolated value lies below
// both branches.
TEST(StepCurve, IsAV) {
  const StepCurve curve = step_curve([](const Tensor& x) { return exp(x); }, row({0.3, 1}), {1});
  ASSERT_GT(curve.points.size(), 40u);
  double smallest = 1, at = 0;
  for (const StepCurve::Point& point : curve.points) {
    const double error = std::abs(point.central / curve.analytic - 1);
    if (error < smallest) smallest = error, at = point.step;
  }
  EXPECT_GT(at, 1e-8);
  EXPECT_LT(at, 1e-3);
  EXPECT_GT(std::abs(curve.points.front().central / curve.analytic - 1), 100 * smallest);
  EXPECT_GT(std::abs(curve.points.back().central / curve.analytic - 1), 100 * smallest);
  EXPECT_LT(std::abs(curve.found.numeric / curve.analytic - 1), 1e-11);
  const std::string svg = curve.svg();
  for (const char* part :
       {"<svg", "polyline class=\"forward\"", "polyline class=\"central\"", "circle", "</svg>"}) {
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

TEST(StepCurve, LeavesOutWhatIsNotFinite) {
  const StepCurve curve = step_curve([](const Tensor& x) { return log(x); }, row({1e-3}), {0});
  ASSERT_FALSE(curve.points.empty());
  EXPECT_LT(curve.points.front().step, 1e-3);
}

TEST(StepCurve, SaysWhatThereIsNot) {
  const MultiFunction f = [](const Tensors& in) { return square(in[0]); };
  expect_error("step_curve", [&] { step_curve(f, {row({1, 2})}, 1, {0}); }, {"argument", "1"});
  expect_error("step_curve", [&] { step_curve(f, {row({1, 2})}, 0, {2}); }, {"(2,)"});
  expect_error("step_curve", [&] { step_curve(f, {row({1, 2})}, 0, {0, 0}); }, {"(0, 0)"});
  expect_error("step_curve", [&] { step_curve(f, {row({INFINITY, 2})}, 0, {0}); }, {"not finite", "(0,)"});
  expect_error("step_curve",
               [&] {
                 step_curve(f, {row({1})}, 0, {0}, {.names = {"a", "b"}});
               },
               {"names", "2"});
}

}  // namespace
}  // namespace taper::test
