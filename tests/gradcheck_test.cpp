// gradcheck itself: it must find every kind of wrong gradient, and say where.
#include <taper/taper.hpp>

#include <cmath>

#include <gtest/gtest.h>

#include "helpers.hpp"

namespace taper::test {
namespace {

// x y^2 with vector-Jacobian products that the test may break.
template <class Dx, class Dy>
MultiFunction product(Dx dx, Dy dy) {
  return [=](const Tensors& in) {
    const Tensor &x = in[0], &y = in[1];
    const Tensor result = (x.detach() * square(y.detach())).detach();
    return record("product", result, vjp(x, [=](const Tensor& d) { return dx(d, x, y); }),
                  vjp(y, [=](const Tensor& d) { return dy(d, x, y); }));
  };
}

Tensor right_dx(const Tensor& d, const Tensor&, const Tensor& y) { return d * square(y); }
Tensor right_dy(const Tensor& d, const Tensor& x, const Tensor& y) { return d * (2.0 * x * y); }

const Tensors inputs{tensor({{1, 2}, {3, 4}}, float64), tensor({{-1, 0.5}, {2, 1}}, float64)};

TEST(Gradcheck, PassesWhatIsRight) {
  const auto f = product(right_dx, right_dy);
  const GradcheckReport report = gradcheck(f, inputs);
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.elements.size(), 8u);
  EXPECT_TRUE(report.kinks.empty());
  EXPECT_NE(printed(report).find("gradcheck passed: 8 elements"), std::string::npos) << report;
  EXPECT_TRUE(gradgradcheck(f, inputs).ok());
  EXPECT_EQ(gradgradcheck(f, inputs).elements.size(), 12u);
}

TEST(Gradcheck, ReportsTheWorstElementFirst) {
  // Wrong at one element alone: the gradient of y at (1, 0) is off by 0.3 d.
  const auto off = tensor({{0, 0}, {0.3, 0}}, float64);
  const auto f = product(right_dx, [=](const Tensor& d, const Tensor& x, const Tensor& y) {
    return right_dy(d, x, y) + d * off;
  });
  const GradcheckReport report = gradcheck(f, inputs);
  EXPECT_FALSE(report.ok());
  const GradcheckReport::Element& worst = report.elements.front();
  EXPECT_EQ(worst.argument, 1u);
  EXPECT_TRUE(worst.index == (Shape{1, 0}));
  // Both are the cotangent, which lies in [0.5, 1.5), times 12.3 and 12.
  EXPECT_NEAR(worst.analytic / worst.numeric, 12.3 / 12, 1e-6);
  EXPECT_GT(worst.error, 1e-6);
  EXPECT_LT(report.elements[1].error, 1e-6) << "every other element is right";
  for (std::size_t i = 1; i < report.elements.size(); ++i) {
    EXPECT_GE(report.elements[i - 1].error, report.elements[i].error);
  }
  const std::string text = printed(report);
  for (const std::string& part :
       {std::string("FAILED: 1 of 8"), std::string("argument 1 at (1, 0)"), "tape " + printed(worst.analytic),
        "central difference " + printed(worst.numeric)}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in " << text;
  }
}

TEST(Gradcheck, FindsEachKindOfMistake) {
  const auto negated = [](const Tensor& d, const Tensor&, const Tensor& y) { return -(d * square(y)); };
  const auto dropped = [](const Tensor& d, const Tensor&, const Tensor&) { return d * 0.0; };
  const auto without_cotangent = [](const Tensor&, const Tensor&, const Tensor& y) { return square(y); };
  const auto slightly_off = [](const Tensor& d, const Tensor&, const Tensor& y) {
    return d * square(y) * 1.00001;
  };
  const auto nan = [](const Tensor& d, const Tensor&, const Tensor&) { return d * std::nan(""); };
  EXPECT_FALSE(gradcheck(product(negated, right_dy), inputs).ok());
  EXPECT_FALSE(gradcheck(product(dropped, right_dy), inputs).ok());
  EXPECT_FALSE(gradcheck(product(without_cotangent, right_dy), inputs).ok());
  EXPECT_FALSE(gradcheck(product(slightly_off, right_dy), inputs).ok());
  EXPECT_FALSE(gradcheck(product(nan, right_dy), inputs).ok());
  EXPECT_TRUE(gradcheck(product(slightly_off, right_dy), inputs, {.tolerance = 1e-4}).ok());
}

// The first derivative is right in value, but what it is made of is not: only its own gradient shows that.
TEST(Gradcheck, MistakesOfSecondOrderShowInGradgradcheckAlone) {
  const auto cut_off = [](const Tensor& d, const Tensor& x, const Tensor& y) {
    return d * (2.0 * x * y.detach());
  };
  const auto negated = [](const Tensor& d, const Tensor& x, const Tensor& y) {
    const Tensor value = 2.0 * x * y;
    const auto wrong = [](const Tensor& dd) { return -dd; };
    return d * record("wrong", value.clone(), vjp(value, wrong));
  };
  for (const auto& f : {product(right_dx, cut_off), product(right_dx, negated)}) {
    EXPECT_TRUE(gradcheck(f, inputs).ok());
    EXPECT_FALSE(gradgradcheck(f, inputs).ok());
  }
}

TEST(Gradcheck, AForgottenInputIsFound) {
  const auto forgets = [](const Tensors& in) { return in[0] * in[1].detach(); };
  EXPECT_FALSE(gradcheck(forgets, inputs).ok());
  const auto constant = [](const Tensors& in) { return in[0].detach() * in[1].detach(); };
  EXPECT_FALSE(gradcheck(constant, inputs).ok());
  EXPECT_TRUE(gradcheck([](const Tensors&) { return row({1}); }, inputs).ok());
  EXPECT_TRUE(gradgradcheck([](const Tensors&) { return row({1}); }, inputs).ok());
}

TEST(Gradcheck, NamesKinksAndLeavesThemOut) {
  const GradcheckReport report = gradcheck(abs, row({-1, 0, 2}));
  EXPECT_TRUE(report.ok()) << report;
  ASSERT_EQ(report.kinks.size(), 1u);
  EXPECT_TRUE(report.kinks[0].index == Shape{1});
  EXPECT_EQ(report.kinks[0].argument, 0u);
  EXPECT_EQ(report.elements.size(), 2u);
  EXPECT_NE(printed(report).find("left out, at a kink: 1"), std::string::npos) << report;
  EXPECT_NE(printed(report).find("kink: argument 0 at (1,)"), std::string::npos) << report;
}

// Strong curvature is no kink.
TEST(Gradcheck, ComparesElementsOfStrongCurvature) {
  const auto f = [](const Tensor& x) { return exp(x * 10.0); };
  const GradcheckReport report = gradcheck(f, row({-1, 0.5, 1}));
  EXPECT_TRUE(report.ok()) << report;
  EXPECT_TRUE(report.kinks.empty()) << report;
}

TEST(Gradcheck, TakesFloat64Only) {
  expect_error("gradcheck", [] { gradcheck(square, ones({2})); }, {"inputs[0]", "float64", "float32"});
  expect_error("gradcheck", [] { gradgradcheck(square, ones({2})); }, {"float64", "float32"});
  const auto narrows = [](const Tensor& x) { return cast(x, float32); };
  expect_error("gradcheck", [&] { gradcheck(narrows, row({1})); }, {"must return float64", "float32"});
}

TEST(Gradcheck, LeavesTheCallersTensorsAlone) {
  Tensor x = row({1, 2}).requires_grad();
  const Tensor before = x.clone();
  Tape tape;
  EXPECT_TRUE(gradcheck(square, x).ok());
  expect_same(x, before);
  EXPECT_FALSE(x.grad());
  EXPECT_EQ(tape.node_count(), 0u);
  EXPECT_EQ(Tape::recording(), &tape);
}

TEST(Gradcheck, WorksOnEveryRankAndOnNoElements) {
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{2, 0}, Shape{1, 2, 1, 2, 1, 2, 1}}) {
    const GradcheckReport report = gradcheck(square, ones(shape, float64));
    EXPECT_TRUE(report.ok()) << report;
    EXPECT_EQ(static_cast<std::int64_t>(report.elements.size()), element_count("test", shape));
  }
}

}  // namespace
}  // namespace taper::test
