// The first three derivatives of functions of one or two elements at extreme numbers, against their formulas in long
// double: its exponents are so large that nothing over- or underflows there, so that 0 * inf is the limit.
#include "support/edges.hpp"
#include "support/kinds.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using Real = long double;
using BinaryFunction = std::function<Tensor(const Tensor&, const Tensor&)>;

// A factor of 0 vanishes faster than the other one grows.
Real times(Real a, Real b) { return a == 0 || b == 0 ? 0 : a * b; }

// In place of an infinity a number that is as good as one, even if its logarithm is taken.
Real limit(double x) {
  return std::isinf(x) ? std::copysign(1e2000L, static_cast<Real>(x)) : static_cast<Real>(x);
}

double rounded(DType dtype, Real x, bool is_limit) {
  if (std::abs(x) > (is_limit ? 1e3L : 1e1000L)) return x > 0 ? inf : -inf;
  return dtype == float32 ? static_cast<double>(static_cast<float>(x)) : static_cast<double>(x);
}

// To some last digits of the expected number, or of 1. What comes within a factor of 1000 of the largest number may
// overflow on the way.
void expect_real(DType dtype, double found, Real wanted, bool is_limit, const std::string& what) {
  const double expected = rounded(dtype, wanted, is_limit);
  const Real largest =
      dtype == float32 ? std::numeric_limits<float>::max() : std::numeric_limits<double>::max();
  if (std::isnan(expected) || std::isinf(expected)) {
    EXPECT_TRUE(found == expected || (std::isnan(found) && std::isnan(expected)))
        << what << ": " << found << ", not " << expected;
  } else if (std::abs(wanted) < largest / 1000 || std::isnan(found)) {
    const double tolerance = (dtype == float32 ? 1e-5 : 1e-13) * std::max(1.0, std::abs(expected));
    EXPECT_LE(std::abs(found - expected), tolerance) << what << ": " << found << ", not " << expected;
  }
}

std::vector<double> extremes(DType dtype) {
  const bool narrow = dtype == float32;
  const double huge = narrow ? 1e20 : 1e155, tiny = narrow ? 1e-40 : 1e-310,
               smallest = narrow ? 1.5e-45 : 5e-324,
               largest = narrow ? std::numeric_limits<float>::max() : std::numeric_limits<double>::max();
  return {0, smallest, tiny, 1e-20, 2.4e-8, 0.3, 1, 2.5, 7, 30, 90, 720, 1e6, huge, largest, inf};
}

struct Unary {
  const char* name;
  UnaryFunction f;
  // The first three derivatives at x.
  std::function<std::vector<Real>(Real)> derivatives;
  enum Domain { all, positive, finite } domain = all;
};

std::vector<Real> of_sigmoid(Real x) {
  const Real e = std::exp(-std::abs(x)), ds = e / ((1 + e) * (1 + e)), s = (x < 0 ? e : 1) / (1 + e);
  return {ds, ds * (1 - 2 * s), ds * (1 - 6 * ds), s};
}
std::vector<Real> constant(Real slope) { return {slope, 0, 0}; }

const std::vector<Unary>& unary_functions() {
  const Real pi = std::acos(-1.0L);
  static const std::vector<Unary> all{
      {"abs", abs, [](Real x) { return constant(x > 0   ? 1
                                                : x < 0 ? -1
                                                        : 0); }},
      {"cos", cos,
       [](Real x) -> std::vector<Real> {
         return {-std::sin(x), -std::cos(x), std::sin(x)};
       },
       Unary::finite},
      {"elu", [](const Tensor& x) { return elu(x); },
       [](Real x) -> std::vector<Real> {
         const Real e = std::exp(x);
         return x > 0 ? constant(1) : x == 0 ? constant(1) : std::vector<Real>{e, e, e};
       }},
      {"erf", erf,
       [pi](Real x) -> std::vector<Real> {
         const Real slope = 2 / std::sqrt(pi) * std::exp(-x * x);
         return {slope, -2 * x * slope, times(slope, 4 * x * x - 2)};
       }},
      {"exp", exp, [](Real x) -> std::vector<Real> { return std::vector<Real>(3, std::exp(x)); }},
      {"expm1", expm1, [](Real x) -> std::vector<Real> { return std::vector<Real>(3, std::exp(x)); }},
      {"gelu", gelu,
       [pi](Real x) -> std::vector<Real> {
         const Real phi = std::exp(-x * x / 2) / std::sqrt(2 * pi);
         return {std::erfc(-x / std::sqrt(2.0L)) / 2 + x * phi, phi * (2 - x * x),
                 times(phi, x * (x * x - 4))};
       }},
      {"leaky_relu", [](const Tensor& x) { return leaky_relu(x, 0.25); },
       [](Real x) { return constant(x > 0 ? 1 : 0.25L); }},
      {"log", log,
       [](Real x) -> std::vector<Real> {
         return {1 / x, -1 / (x * x), 2 / (x * x * x)};
       },
       Unary::positive},
      {"log1p", log1p,
       [](Real x) -> std::vector<Real> {
         return {1 / (1 + x), -1 / ((1 + x) * (1 + x)), 2 / ((1 + x) * (1 + x) * (1 + x))};
       },
       Unary::positive},
      {"log_sigmoid", log_sigmoid,
       [](Real x) -> std::vector<Real> {
         const std::vector<Real> s = of_sigmoid(-x);
         return {s[3], -s[0], s[1]};
       }},
      {"neg", neg, [](Real) { return constant(-1); }},
      {"relu", relu, [](Real x) { return constant(x > 0); }},
      {"sigmoid", sigmoid, of_sigmoid},
      {"silu", silu,
       [](Real x) -> std::vector<Real> {
         const std::vector<Real> s = of_sigmoid(x);
         return {s[3] + x * s[0], 2 * s[0] + x * s[1], 3 * s[1] + x * s[2]};
       }},
      {"sin", sin,
       [](Real x) -> std::vector<Real> {
         return {std::cos(x), -std::sin(x), -std::cos(x)};
       },
       Unary::finite},
      {"softplus", softplus,
       [](Real x) -> std::vector<Real> {
         const std::vector<Real> s = of_sigmoid(x);
         return {s[3], s[0], s[1]};
       }},
      {"sqrt", sqrt,
       [](Real x) -> std::vector<Real> {
         const Real y = std::sqrt(x);
         return {0.5L / y, -0.25L / (x * y), 0.375L / (x * x * y)};
       },
       Unary::positive},
      {"square", square,
       [](Real x) -> std::vector<Real> {
         return {2 * x, 2, 0};
       }},
      {"tanh", tanh,
       [](Real x) -> std::vector<Real> {
         const Real e = std::exp(-2 * std::abs(x)), t = std::tanh(x), slope = 4 * e / ((1 + e) * (1 + e));
         return {slope, -2 * t * slope, slope * (6 * t * t - 2)};
       }},
      {"binary cross entropy, target 0.25",
       [](const Tensor& x) {
         return nn::binary_cross_entropy_with_logits(x, full({}, 0.25, {x.dtype(), x.device()}));
       },
       [](Real x) -> std::vector<Real> {
         const std::vector<Real> s = of_sigmoid(x);
         return {s[3] - 0.25L, s[0], s[1]};
       }},
      {"huber_loss", [](const Tensor& x) { return nn::huber_loss(x, zeros_like(x), 0.5); },
       [](Real x) {
         return x > 0.5L ? constant(0.5L) : x < -0.5L ? constant(-0.5L) : std::vector<Real>{x, 1, 0};
       }},
      {"kl_divergence",
       [](const Tensor& p) {
         return nn::kl_divergence(zeros({1}, {p.dtype(), p.device()}), reshape(p, {1}));
       },
       [](Real p) {
         return p == 0 ? constant(0) : std::vector<Real>{std::log(p) + 1, 1 / p, -1 / (p * p)};
       },
       Unary::positive},
  };
  return all;
}

Tensor number(double value, Kind kind) { return full({}, value, kind).requires_grad(); }

// The derivative of y by x, 0 if y does not depend on it.
Tensor derivative(Tape& tape, const Tensor& y, const Tensor& x) {
  return Tape::tracks(y) ? tape.gradient(y, {x}, {.create_graph = true})[0] : zeros_like(x);
}

struct Limits : Kinds {};

TEST_P(Limits, OfFunctionsOfOneElement) {
  for (const Unary& unary : unary_functions()) {
    for (const double magnitude : extremes(kind.dtype)) {
      for (const double sign : {1, -1}) {
        if ((unary.domain == Unary::positive && sign < 0) ||
            (unary.domain == Unary::finite && magnitude > 1e3))
          continue;
        Tensor x = number(sign * magnitude, kind);
        const std::vector<Real> wanted = unary.derivatives(limit(x.item()));
        Tape tape;
        Tensor y = unary.f(x);
        for (std::size_t order = 1; order <= 3; ++order) {
          y = derivative(tape, y, x);
          expect_real(
              kind.dtype, y.item(), wanted[order - 1], std::isinf(magnitude),
              std::string(unary.name) + ", order " + std::to_string(order) + " at " + printed(x.item()));
        }
      }
    }
  }
}

// The same number, whichever order one differentiates in: to some last digits, an infinity or NaN for itself.
bool alike(DType dtype, double p, double q) {
  return p == q || (std::isnan(p) && std::isnan(q)) ||
         std::abs(p - q) <= (dtype == float32 ? 1e-5 : 1e-13) * std::abs(p);
}

// For a function of a and b its derivatives by them, in the order a, b, aa, ab, bb, aab, abb.
void expect_derivatives(Kind kind, bool has_logarithm, const std::string& name, const BinaryFunction& f,
                        double a_value, double b_value,
                        const std::function<std::vector<Real>(Real, Real)>& derivatives) {
  Tensor a = number(a_value, kind), b = number(b_value, kind);
  const std::vector<Real> wanted = derivatives(limit(a.item()), limit(b.item()));
  Tape tape;
  const Tensor y = f(a, b);
  const Tensor by_a = derivative(tape, y, a), by_b = derivative(tape, y, b);
  const Tensor ab = derivative(tape, by_a, b), ba = derivative(tape, by_b, a);
  const Tensor aa = derivative(tape, by_a, a), bb = derivative(tape, by_b, b);
  const std::string at = name + " at " + printed(a.item()) + ", " + printed(b.item());
  EXPECT_TRUE(alike(kind.dtype, ab.item(), ba.item())) << at << ": " << ab.item() << " or " << ba.item();
  const Tensor aab = derivative(tape, aa, b), aba = derivative(tape, ab, a), baa = derivative(tape, ba, a);
  const Tensor abb = derivative(tape, ab, b), bab = derivative(tape, ba, b), bba = derivative(tape, bb, a);
  for (const auto& [p, q] :
       {std::pair(aab, aba), std::pair(aab, baa), std::pair(abb, bab), std::pair(abb, bba)}) {
    EXPECT_TRUE(alike(kind.dtype, p.item(), q.item())) << at << ": " << p.item() << " or " << q.item();
  }
  const std::vector<Tensor> found{by_a, by_b, aa, ab, bb, aab, abb, derivative(tape, aa, a)};
  const char* const names[] = {"a", "b", "aa", "ab", "bb", "aab", "abb", "aaa"};
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!std::isnan(wanted[i]))
      expect_real(kind.dtype, found[i].item(), wanted[i], has_logarithm && std::isinf(a.item()),
                  at + ", by " + names[i]);
  }
}

TEST_P(Limits, OfQuotients) {
  for (const double a : extremes(kind.dtype)) {
    for (const double b : extremes(kind.dtype)) {
      const double normal = kind.dtype == float32 ? 1e-37 : 1e-307;
      if (a > 0 && a < normal && b != 1) continue;  // the quotient itself may have no digits
      if ((a == 0 && b == 0) || (std::isinf(a) && std::isinf(b))) continue;  // no number
      for (const double sign : {1, -1}) {
        expect_derivatives(
            kind, false, "a / b", [](const Tensor& a, const Tensor& b) { return a / b; }, a, sign * b,
            [a](Real, Real b) -> std::vector<Real> {
              const Real A = limit(a), c = b * b * b;
              return {1 / b, times(-A, 1 / (b * b)), 0, -1 / (b * b), times(2 * A, 1 / c), 0, 2 / c, 0};
            });
      }
    }
  }
}

TEST_P(Limits, OfPowers) {
  const auto power_of = [](const Tensor& x, const Tensor& p) { return pow(x, p); };
  const double huge = kind.dtype == float32 ? 1e20 : 1e155;
  for (const double x : extremes(kind.dtype)) {
    for (const double p : {0., 1., 2., 3., 0.5, 1.5, -1., -0.5, huge, -huge}) {
      expect_derivatives(kind, true, "x^p", power_of, x, p, [](Real x, Real p) -> std::vector<Real> {
        const auto power = [x](Real q) { return std::pow(x, q); };
        const bool is_fixed = x == 0 && p >= 0;  // every derivative that involves p is 0 by convention
        const Real l = std::log(x);
        const auto by_p = [is_fixed](Real value) { return is_fixed ? 0 : value; };
        return {times(p, power(p - 1)),
                by_p(times(power(p), l)),
                times(times(p, p - 1), power(p - 2)),
                by_p(times(power(p - 1), 1 + times(p, l))),
                by_p(times(power(p), l * l)),
                by_p(times(power(p - 2), 2 * p - 1 + times(times(p, p - 1), l))),
                by_p(times(times(power(p - 1), l), 2 + times(p, l))),
                times(times(times(p, p - 1), p - 2), power(p - 3))};
      });
    }
  }
}

TEST_P(Limits, OfPowersOfNegativeNumbers) {
  for (const double magnitude : extremes(kind.dtype)) {
    for (const double p : {0., 1., 2., 3., -1., -2.}) {
      Tensor x = number(-magnitude, kind);
      Tape tape;
      const Tensor first = derivative(tape, pow(x, p), x), second = derivative(tape, first, x);
      const Real at = limit(x.item()), q = static_cast<Real>(p);
      expect_real(kind.dtype, first.item(), times(q, std::pow(at, q - 1)), std::isinf(magnitude), "slope");
      expect_real(kind.dtype, second.item(), times(q * (q - 1), std::pow(at, q - 2)), std::isinf(magnitude),
                  "curvature");
      expect_real(kind.dtype, derivative(tape, second, x).item(),
                  times(q * (q - 1) * (q - 2), std::pow(at, q - 3)), std::isinf(magnitude),
                  "third derivative");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Everywhere, Limits, all_kinds);

}  // namespace
}  // namespace taper::test
