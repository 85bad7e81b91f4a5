// gradcheck itself: it must find every kind of wrong gradient, say where, and never pass what it did not
// compare. gradcheck_power_test.cpp plants many more mistakes.
#include "gradcheck/gradcheck_helpers.hpp"
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

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
  expect_verdict(report, Verdict::passed, {"gradcheck passed: 8 elements"});
  EXPECT_EQ(report.elements.size(), 8u);
  EXPECT_TRUE(report.kinks.empty());
  expect_verdict(gradgradcheck(f, inputs), Verdict::passed, {"12 elements"});
}

TEST(Gradcheck, ReportsTheWorstElementFirst) {
  // Wrong at one element alone: the gradient of y at (1, 0) is off by 0.3 d.
  const auto off = tensor({{0, 0}, {0.3, 0}}, float64);
  const auto f = product(right_dx, [=](const Tensor& d, const Tensor& x, const Tensor& y) {
    return right_dy(d, x, y) + d * off;
  });
  const GradcheckReport report = gradcheck(f, inputs);
  expect_verdict(report, Verdict::failed, {"1 of 8 elements wrong", "argument 1 (1, 0)", "factor 1.025"});
  const GradcheckReport::Element& worst = report.elements.front();
  EXPECT_EQ(worst.argument, 1u);
  EXPECT_TRUE(worst.index == (Shape{1, 0}));
  EXPECT_EQ(worst.x, 2);
  EXPECT_NEAR(worst.analytic / worst.numeric, 12.3 / 12, 1e-9);
  EXPECT_GT(worst.error, 1);
  EXPECT_LT(report.elements[1].error, 1) << "every other element is right";
  for (std::size_t i = 1; i < report.elements.size(); ++i) {
    EXPECT_GE(report.elements[i - 1].error, report.elements[i].error);
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
  expect_verdict(gradcheck(product(negated, right_dy), inputs), Verdict::failed,
                 {"argument 0: the sign is wrong"});
  expect_verdict(gradcheck(product(dropped, right_dy), inputs), Verdict::failed,
                 {"argument 0: zero everywhere"});
  expect_verdict(gradcheck(product(without_cotangent, right_dy), inputs), Verdict::failed,
                 {"not linear in dy"});
  expect_verdict(gradcheck(product(slightly_off, right_dy), inputs), Verdict::failed, {"factor 1.00001"});
  expect_verdict(gradcheck(product(nan, right_dy), inputs), Verdict::failed, {"NaN at x = 1 and 3 more"});
  expect_verdict(gradcheck(product(slightly_off, right_dy), inputs, {.tolerance = 1e-4}), Verdict::passed);
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
    expect_verdict(gradcheck(f, inputs), Verdict::passed);
    expect_verdict(gradgradcheck(f, inputs), Verdict::failed, {"argument 1"});
  }
}

TEST(Gradcheck, SaysThatAHessianIsNotSymmetric) {
  // dy/dy misses its dependence on x, dy/dx keeps the one on y.
  const auto forgets_x = [](const Tensor& d, const Tensor& x, const Tensor& y) {
    return d * (2.0 * x.detach() * y);
  };
  expect_verdict(gradgradcheck(product(right_dx, forgets_x), inputs), Verdict::failed, {"not symmetric"});
}

TEST(Gradcheck, AForgottenInputIsFound) {
  const auto forgets = [](const Tensors& in) { return in[0] * in[1].detach(); };
  expect_verdict(gradcheck(forgets, inputs), Verdict::failed, {"argument 1: zero everywhere"});
  const auto constant = [](const Tensors& in) { return in[0].detach() * in[1].detach(); };
  expect_verdict(gradcheck(constant, inputs), Verdict::failed);
}

// --- Nothing passes that was not compared ---

TEST(Gradcheck, WhatDependsOnNoInputIsNoPass) {
  const auto constant = [](const Tensors&) { return row({1}); };
  expect_verdict(gradcheck(constant, inputs), Verdict::undecided, {"f depends on none of its inputs"});
  expect_verdict(gradgradcheck(constant, inputs), Verdict::undecided, {"f depends on none of its inputs"});
}

TEST(Gradcheck, NoInputsAndNoElementsAreNoPass) {
  expect_verdict(gradcheck([](const Tensors&) { return row({1}); }, Tensors{}), Verdict::undecided,
                 {"no inputs"});
  for (const Shape& shape : {Shape{0}, Shape{2, 0}}) {
    expect_verdict(gradcheck(square, ones(shape, float64)), Verdict::undecided,
                   {"nothing could be compared"});
  }
}

TEST(Gradcheck, RandomFunctionsAreNoPass) {
  for (const double noise : {1.0, 1e-9}) {
    Generator generator(3);
    const auto noisy = [&](const Tensor& x) {
      return x * uniform(x.shape(), 1, 1 + noise, generator, float64);
    };
    expect_verdict(gradcheck(noisy, row({1, 2, 3})), Verdict::undecided, {"not deterministic"});
  }
  const nn::Dropout dropout(0.5);
  expect_verdict(gradcheck([&](const Tensor& x) { return dropout(x); }, row({1, 2, 3, 4, 5, 6, 7, 8})),
                 Verdict::undecided, {"not deterministic"});
  Generator generator(3);
  const auto noisy_backward =
      with_product(square, [&](const Tensor& dy, const Tensor& x) { return dy * x * generator.uniform(); });
  expect_verdict(gradcheck(noisy_backward, row({1, 2})), Verdict::failed, {"backward is not deterministic"});
}

TEST(Gradcheck, AnFThatChangesItsInputIsFound) {
  const auto changes = [](const Tensor& x) {
    Tensor same = x;
    const Tensor y = square(x);
    same.mutable_data<double>()[0] += 1;
    return y;
  };
  const Tensor x = row({1, 2});
  expect_verdict(gradcheck(changes, x), Verdict::failed, {"changes its inputs"});
  expect_values(x, {1, 2}, 0);
}

TEST(Gradcheck, KinksAloneAreNoPass) {
  expect_verdict(gradcheck(abs, row({0, 0, 0})), Verdict::undecided,
                 {"nothing could be compared", "at a kink"});
}

// --- Kinks are checked ---

TEST(Gradcheck, KinksHaveToLieBetweenTheOneSidedDerivatives) {
  const GradcheckReport report = gradcheck(abs, row({-1, 0, 2}));
  expect_verdict(report, Verdict::passed, {"1 element at a kink", "argument 0 (1,)"});
  ASSERT_EQ(report.kinks.size(), 1u);
  EXPECT_TRUE(report.kinks[0].index == Shape{1});
  EXPECT_NEAR(report.kinks[0].left + report.kinks[0].right, 0, 1e-9);
  EXPECT_EQ(report.elements.size(), 2u);
  const auto steep = [](const Tensor& dy, const Tensor& x) {
    return dy * where(abs(x), x / (abs(x) + 1e-300), full(x.shape(), 2, float64));
  };
  expect_verdict(gradcheck(with_product(abs, steep), row({-1, 0, 2})), Verdict::failed,
                 {"has to be in", "wrong at 1 kink"});
}

// Both sides of the tie have slope 0.32; a tape that says 0.63 there is wrong, although f has a kink.
TEST(Gradcheck, WrongGradientsAtTiesAreFound) {
  const auto f = [](const Tensor& x) { return max(x) * 0.32; };
  const auto twice = [](const Tensor& dy, const Tensor& x) {
    const Tensor is_largest = where(max(x) - x, zeros(x.shape(), float64), ones(x.shape(), float64));
    return dy * is_largest * 0.63;
  };
  expect_verdict(gradcheck(with_product(f, twice), row({1, 2, 2})), Verdict::failed, {"wrong at 2 kinks"});
  const auto once = [](const Tensor& dy, const Tensor& x) {
    const Tensor is_largest = where(max(x) - x, zeros(x.shape(), float64), ones(x.shape(), float64));
    return dy * is_largest * 0.16;
  };
  expect_verdict(gradcheck(with_product(f, once), row({1, 2, 2})), Verdict::passed, {"2 elements at a kink"});
}

// For the median of three equal numbers the tape gives dy to one of them, and moving any one alone
// changes nothing.
TEST(Gradcheck, PiecesThatMeetAreLookedAtAround) {
  const auto lesser = [](const Tensor& a, const Tensor& b) { return -maximum(-a, -b); };
  const MultiFunction median = [=](const Tensors& in) {
    return maximum(lesser(in[0], in[1]), lesser(maximum(in[0], in[1]), in[2]));
  };
  const Tensors equal{row({2}), row({2}), row({2})};
  expect_verdict(gradcheck(median, equal), Verdict::undecided, {"every element lies at a kink"});
  const auto with_weights = [=](std::vector<double> weights) {
    return MultiFunction([=](const Tensors& in) {
      const auto weigh = [&](std::size_t i) {
        return vjp(in[i], [w = weights[i]](const Tensor& dy) { return dy * w; });
      };
      return record("median", median({in[0].detach(), in[1].detach(), in[2].detach()}), weigh(0), weigh(1),
                    weigh(2));
    });
  };
  EXPECT_NE(gradcheck(with_weights({0, 0, 7}), equal).verdict, Verdict::passed);
}

// f jumps on either side of x, nearer than the steps that agree with each other.
TEST(Gradcheck, JumpsNearbyAreNoMistake) {
  const auto stairs = [](const Tensor& x) {
    const Tensor above = relu(x - 1e-7), below = relu(-1e-7 - x);
    return where(above, x + 1e6, where(below, x - 3e5, x));
  };
  expect_verdict(gradcheck(stairs, row({0})), Verdict::passed);
}

// At the steps at which the kink shows, the large result does not change, and its rounding does not count.
TEST(Gradcheck, KinksBesideALargeResultThatJumps) {
  const auto both = [](const Tensor& x) {
    const Tensor large = where(relu(x - 0.3), x * 0.0 + 5e6, x * 0.0 - 3e6);
    return concat({large, relu(x + 2.8e-5) * 5e-6}, 0);
  };
  EXPECT_NE(gradcheck(both, row({0})).verdict, Verdict::failed);
  const auto neither = [](const Tensor& dy, const Tensor&) { return slice(dy, 0, 1, 2) * 2.5e-6; };
  EXPECT_NE(gradcheck(with_product(both, neither), row({0})).verdict, Verdict::passed);
}

// The steps at which the kink would be gone are hidden by the rounding of y = 1.
TEST(Gradcheck, KinksNearerThanTheNoiseOfF) {
  const auto ramp = [](const Tensor& x) { return 1.0 + relu(x + 9.5e-5) * 3.6e-12; };
  EXPECT_NE(gradcheck(ramp, row({2.8e-6})).verdict, Verdict::failed);
}

TEST(Gradcheck, WhatIsNotFiniteIsNeverRight) {
  const auto of_abs = [](const Tensor& dy, const Tensor& x) { return dy * x / abs(x); };  // NaN at 0
  const auto absolute = with_product([](const Tensor& x) { return abs(x); }, of_abs);
  expect_verdict(gradcheck(absolute, row({-1, 0, 2})), Verdict::failed, {"wrong at 1 kink"});
  const auto infinite = [](const Tensor& dy, const Tensor& x) { return dy / (x * x); };
  expect_verdict(gradcheck(with_product([](const Tensor& x) { return abs(x); }, infinite), row({1, 0})),
                 Verdict::failed);
  // inf / inf in float32 alone.
  const auto of_softplus = [](const Tensor& dy, const Tensor& x) { return dy * (exp(x) / (1.0 + exp(x))); };
  const auto softplus = [](const Tensor& x) { return relu(x) + log(1.0 + exp(-abs(x))); };
  expect_verdict(gradcheck(with_product(softplus, of_softplus), tensor({100})), Verdict::failed,
                 {"the float32 gradient is wrong"});
}

TEST(Gradcheck, KinksExcuseNothingElsewhere) {
  // f is finite on one side of each element only, so that no point around x can be compared.
  const auto domain = [](const Tensor& x) { return exp(x) + 0.0 * sqrt(x); };
  const auto too_steep = [](const Tensor& dy, const Tensor& x) {
    return where(relu(x), dy * exp(x), dy * 1.5);
  };
  EXPECT_NE(
      gradcheck(with_product(domain, too_steep), row({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2})).verdict,
      Verdict::passed);
  // A kink near x: the other slope would be right at the kink alone.
  const auto beyond = [](const Tensor& dy, const Tensor& x) {
    return where(relu(x - (1 + 1e-8)), dy, dy * 0.0);
  };
  EXPECT_NE(gradcheck(with_product([](const Tensor& x) { return relu(x - 1.0); }, beyond), row({1 + 1e-9, 3}))
                .verdict,
            Verdict::passed);
  // Nothing but bounds is known for b.
  const MultiFunction forgets = [](const Tensors& in) { return sum(in[0]) + sum(abs(in[1].detach())); };
  expect_verdict(gradcheck(forgets, {row({1, 2}), row({0, 0})}), Verdict::undecided,
                 {"nothing could be compared for argument 1"});
}

TEST(Gradcheck, AsManyResultsEverywhere) {
  const auto above = [](const Tensor& x) {
    const std::vector<double> values = x.to_vector();
    const auto count = std::count_if(values.begin(), values.end(), [](double value) { return value > 0; });
    return slice(x, 0, 0, count);
  };
  expect_error("gradcheck",
               [&] {
                 gradcheck(above, row({1e-3, 1}));
               },
               {"returned 2 elements at first, and 1"});
}

TEST(Gradcheck, TheToleranceIsTheBorder) {
  const auto off_by = [](double off) {
    return with_product([](const Tensor& x) { return x * 3.0; },
                        [=](const Tensor& dy, const Tensor&) { return dy * (3.0 * (1 + off)); });
  };
  expect_verdict(gradcheck(off_by(0.8e-6), row({1, 2})), Verdict::passed);
  expect_verdict(gradcheck(off_by(1.1e-6), row({1, 2})), Verdict::failed);
}

TEST(Gradcheck, RoundingInsideIsNoMistake) {
  // f is flat, and its derivative 1.
  const auto lost = [](const Tensor& x) { return (x + 1e17) - 1e17; };
  EXPECT_EQ(gradcheck(lost, row({0.3})).verdict, Verdict::undecided);
  // Terms that cancel: a derivative of 0 that backward gets as 1e-10.
  const auto cancels = [](const Tensor& x) { return (x * 1e6 / 3.0) * 3.0 - x * 1e6 + x; };
  EXPECT_NE(gradcheck(cancels, row({0.3, 1.7})).verdict, Verdict::failed);
}

// The first key's probability is 1 and its ds is 0 in each way to round, whatever the other two, of 1e-220, add.
TEST(Gradcheck, TermsThatRoundingHidesAreNoMistake) {
  const auto attention = [](const Tensors& in) { return softmax_attention(in[0], in[1], in[2]); };
  const Tensor q = tensor({{{0, 1.5}}}, float64), v = tensor({{{1.5}, {0.5}, {0.5}}}, float64);
  const Tensor k = tensor({{{689.73077512485588, 342.04166283311338},
                            {-0.37495982917378595, 0.19068959050895778},
                            {-0.00179920287889932, 0}}},
                          float64);
  EXPECT_NE(gradgradcheck(attention, {q, k, v}, {.seed = 8}).verdict, Verdict::failed);
}

TEST(Gradcheck, JumpsAreUndecided) {
  const auto step = [](const Tensor& x) { return where(relu(x), x + 1.0, x - 1.0); };
  const GradcheckReport left = gradcheck(step, row({0, 3}));  // continuous from the left
  EXPECT_EQ(left.kinks.size(), 1u) << left;
  const auto spike = [](const Tensor& x) { return where(x, x, x + 1.0); };
  expect_verdict(gradcheck(spike, row({0, 3})), Verdict::undecided, {"jumps"});
}

// --- Small and large numbers ---

TEST(Gradcheck, ErrorsAreMeasuredElementByElement) {
  const MultiFunction large_beside_small = [](const Tensors& in) {
    const Tensor value = 1e6 * in[0].detach() + 0.5 * in[1].detach();
    return record("planted", value, vjp(in[0], [](const Tensor& dy) { return 1e6 * dy; }),
                  vjp(in[1], [](const Tensor& dy) { return 0.0 * dy; }));
  };
  expect_verdict(gradcheck(large_beside_small, {row({1}), row({1})}), Verdict::failed, {"argument 1: zero"});
  const auto in_one = with_product(
      [](const Tensor& x) {
        return sum(x * row({1e6, 0.5}));
      },
      [](const Tensor& dy, const Tensor&) {
        return dy * row({1e6, 0});
      });
  expect_verdict(gradcheck(in_one, row({1, 1})), Verdict::failed, {"zero in 1 of 2 elements"});
  const auto tiny = with_product([](const Tensor& x) { return 1e-9 * square(x); },
                                 [](const Tensor& dy, const Tensor& x) { return dy * (4e-9 * x); });
  expect_verdict(gradcheck(tiny, row({1, 2, 3})), Verdict::failed, {"all elements off by the factor 2"});
}

TEST(Gradcheck, TheSignOfTheCotangentCounts) {
  const auto absolute =
      with_product(square, [](const Tensor& dy, const Tensor& x) { return abs(dy) * (2.0 * x); });
  expect_verdict(gradcheck(absolute, row({1, 2, 3})), Verdict::failed, {"not linear in dy"});
  expect_verdict(gradcheck(absolute, row({1})), Verdict::failed, {"not linear in dy"});
}

TEST(Gradcheck, StepsFollowXCurvatureAndNoise) {
  const auto inverse = [](const Tensor& x) { return 1.0 / x; };
  const auto steep = [](const Tensor& x) { return sigmoid(1000.0 * x); };
  const auto offset = [](const Tensor& x) { return sum(x) + 1e8; };
  const auto cancelled = [](const Tensor& x) { return (sum(x) + 1e6) - 1e6; };
  const auto exponential = [](const Tensor& x) { return exp(x * 10.0); };
  expect_verdict(gradcheck(log, row({1e-4, 5e-6, 1e-8, 1, 1e8})), Verdict::passed);
  expect_verdict(gradcheck(sqrt, row({1e-6, 1e-10, 4, 1e8})), Verdict::passed);
  expect_verdict(gradcheck(inverse, row({1e-6, -1e-3, 4, 1e8})), Verdict::passed);
  expect_verdict(gradcheck(steep, row({1e-3, 0, -3e-3, 0.01, 0.5})), Verdict::passed);
  expect_verdict(gradcheck(offset, row({1e-3, 0, 0.5})), Verdict::passed);
  expect_verdict(gradcheck(cancelled, row({1e-3, 0, 0.5})), Verdict::passed);
  expect_verdict(gradcheck(exponential, row({-1, 0.5, 1})), Verdict::passed);
  expect_verdict(gradcheck([](const Tensor& x) { return exp(x * 300.0); }, row({-1, 0.5, 1})),
                 Verdict::passed);
}

// At the edge of its domain a function is compared on the side on which it is finite.
TEST(Gradcheck, TheEdgeOfADomain) {
  const auto f = [](const Tensor& x) { return pow(x, 1.5); };  // NaN below 0
  expect_verdict(gradcheck(f, row({0, 1})), Verdict::passed, {"2 elements"});
  const auto wrong =
      with_product(f, [](const Tensor& dy, const Tensor& x) { return dy * (1.5 * sqrt(x) + 0.1); });
  const GradcheckReport report = gradcheck(wrong, row({0, 1}));
  expect_verdict(report, Verdict::failed);
  EXPECT_EQ(report.elements[1].error > 1, true) << "also at 0: " << report;
  expect_verdict(gradcheck(sqrt, row({0, 4})), Verdict::undecided, {"infinite"});
}

TEST(Gradcheck, WhatIsNotFiniteIsNoPass) {
  expect_verdict(gradcheck(log, row({0, 1})), Verdict::undecided, {"-inf", "not finite"});
  expect_verdict(gradcheck(square, row({std::nan(""), 1})), Verdict::undecided, {"not finite"});
}

}  // namespace
}  // namespace taper::test
