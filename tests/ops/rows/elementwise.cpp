// Rows of the registry: functions of one element, and functions of two or three, whose shapes broadcast.
#include "ops/registry.hpp"
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper::test {
namespace {

// There and back, so that the result has the dtype of the input. The elements are multiples of 1/4, which
// float32 holds exactly: between them rounding is a staircase, whose height the gradient checker measures.
OpRow cast_row() {
  const MultiFunction there_and_back = [](const Tensors& x) {
    const DType dtype = x[0] ? x[0].dtype() : float64;
    return cast(cast(x[0], dtype == float32 ? float64 : float32), dtype);
  };
  const Draw quarters = [](const Shape& shape, Generator& generator) {
    Tensor x = uniform(shape, -1, 1, generator, float64);
    for (std::int64_t i = 0; i < x.size(); ++i) {
      double& value = x.mutable_data<double>()[i];
      value = std::round(4 * value) / 4;
    }
    return x;
  };
  const auto variant = [&](const char* name, const Shape& shape) {
    return Variant{name, there_and_back, pointwise([](double x) { return x; }), {{shape, quarters}}};
  };
  return {"cast", {variant("rank 2", {3, 4}), variant("rank 0", {}), variant("no elements", {0, 2})}};
}

// erf x = 2 / sqrt(pi) (x - x^3 / 3 + x^5 / (2! 5) - …), by its series.
double erf_by_series(double x) {
  double power = x, total = 0;  // (-1)^n x^(2n + 1) / n!
  for (int n = 0; n < 60; ++n) {
    total += power / (2 * n + 1);
    power *= -x * x / (n + 1);
  }
  return total * 2 / std::sqrt(std::acos(-1.0));
}

OpRow binary(const std::string& op, Tensor (*f)(const Tensor&, const Tensor&),
             double (*reference)(double, double), const Draw& draw_a, const Draw& draw_b) {
  OpRow op_row{op, {}};
  const auto add_variant = [&](const char* name, const Shape& a, const Shape& b) {
    op_row.variants.push_back({name,
                               [f](const Tensors& x) { return f(x[0], x[1]); },
                               pointwise(reference),
                               {{a, draw_a}, {b, draw_b}}});
  };
  add_variant("same shape", {3, 7}, {3, 7});
  add_variant("b of rank 0", {2, 3}, {});
  add_variant("a of rank 0", {}, {2, 3});
  add_variant("both of rank 0", {}, {});
  add_variant("b of one element", {2, 3}, {1});
  add_variant("one element of higher rank", {3}, {1, 1});
  add_variant("column and row", {3, 1}, {4});
  add_variant("row and column", {4}, {3, 1});
  add_variant("b without the leading axis", {2, 3, 4}, {3, 4});
  add_variant("a without the leading axes", {4}, {2, 3, 4});
  add_variant("axes of extent 1 crosswise", {2, 1, 4}, {1, 3, 1});
  add_variant("b repeated in the middle", {2, 3, 4}, {2, 1, 4});
  add_variant("rank 7 crosswise", {2, 1, 2, 1, 2, 1, 2}, {1, 2, 1, 2, 1, 2, 1});
  add_variant("rank 8 beside rank 2", {1, 2, 1, 1, 2, 1, 2, 3}, {2, 1});
  add_variant("no elements", {0, 3}, {3});
  add_variant("no elements, of two axes of extent 1", {1, 3}, {0, 1});
  op_row.errors = {{"shapes that do not broadcast",
                    [f] {
                      f(zeros({2, 3}), zeros({2, 4}));
                    },
                    {"a is (2, 3)", "b is (2, 4)", "do not broadcast"}},
                   {"dtypes that differ",
                    [f] {
                      f(zeros({2, 3}), zeros({3}, float64));
                    },
                    {"a is float32 (2, 3)", "b is float64 (3,)", "dtypes differ"}}};
  return op_row;
}

// The comparison alone has no gradient to check; it lets (a - b)^3 through if it holds. At a tie that has two
// derivatives, both 0, whichever way the comparison decides.
template <Mask (*compare)(const Tensor&, const Tensor&)>
OpRow comparison(const char* op, double (*reference)(double, double)) {
  const auto let_through = [](const Tensor& a, const Tensor& b) {
    const Tensor holds = compare(a, b), d = a - b;
    return holds * (d * square(d));
  };
  OpRow op_row = binary(op, let_through, reference, grid(0), grid(0.1));  // 0.1 apart: no ties
  op_row.header = "comparison";
  return op_row;
}

OpRow clamp_row() {
  const Draw draw = grid(0.1);  // 0.1 away from both bounds
  const auto between_numbers = [](const Tensor& x) { return clamp(x, -0.6, 0.8); };
  OpRow op_row{"clamp", over_shapes(between_numbers,
                                    pointwise([](double x) { return std::clamp(x, -0.6, 0.8); }), draw)};
  op_row.variants.push_back(
      {"no bound above",
       [](const Tensors& x) { return clamp(x[0], 0, std::numeric_limits<double>::infinity()); },
       pointwise([](double x) { return std::max(x, 0.0); }),
       {{{3, 7}, draw}}});
  op_row.errors = {
      {"bounds in the wrong order", [] { clamp(ones({2}), 1, 0); }, {"low = 1, high = 0"}},
      {"a bound that is NaN", [] { clamp(ones({2}), 0, std::nan("")); }, {"low must be at most high"}}};
  return op_row;
}

// The condition is no input here: it has no derivative, and differences would cross from 0 to elsewhere.
OpRow where_row() {
  OpRow op_row{"where", {}};
  const auto add_variant = [&](const char* name, const Tensor& condition, const Shape& a, const Shape& b) {
    const auto reference = [c = array_of(condition)](const std::vector<Array>& in) {
      return build(common_shape({c, in[0], in[1]}), [&](const Index& i) {
        return at_broadcast(c, i) != 0 ? at_broadcast(in[0], i) : at_broadcast(in[1], i);
      });
    };
    op_row.variants.push_back(
        {name,
         [=](const Tensors& x) { return where(on_the_device_of(x, condition), x[0], x[1]); },
         reference,
         {{a, between(-2, 2)}, {b, between(-2, 2)}}});
  };
  add_variant("same shape", tensor({{1, 0, -2}, {0, 0.5, 0}}, float64), {2, 3}, {2, 3});
  add_variant("a float32 condition", tensor({{1, 0, 1e-30}, {0, 1, 0}}), {2, 3}, {2, 3});
  add_variant("a row of conditions", tensor({1, 0, 1}, float64), {2, 3}, {2, 3});
  add_variant("conditions of the larger shape", tensor({{1, 0, 1}, {0, 0, 1}}, float64), {3}, {2, 1});
  add_variant("scalars", tensor({{1, 0}, {0, 0}}, float64), {}, {});
  add_variant("all of rank 0", tensor(1, float64), {}, {});
  add_variant("column and row", tensor({1, 0, 1, 0}, float64), {3, 1}, {4});
  add_variant("rank 7", tensor({{{{{{{1, 0}}}}}}}, float64), {2, 1, 2, 1, 2, 1, 1}, {1, 2, 1, 2, 1, 1, 2});
  add_variant("no elements", zeros({0, 1}, float64), {3}, {0, 3});
  const Tensor condition = ones({2, 3});
  op_row.errors = {
      {"dtypes that differ",
       [=] {
         where(condition, zeros({2, 3}), zeros({3}, float64));
       },
       {"a is float32 (2, 3)", "b is float64 (3,)"}},
      {"shapes that do not broadcast",
       [=] {
         where(condition, zeros({2, 3}), zeros({4}));
       },
       {"(2, 3)", "(4,)"}},
      {"a condition that does not broadcast",
       [=] { where(condition, zeros({4}), zeros({4})); },
       {"(2, 3)", "(4,)"}},
  };
  return op_row;
}

}  // namespace

std::vector<OpRow> elementwise_ops() {
  const Draw any = between(-2, 2), positive = between(0.5, 3);
  OpRow pow_row = binary(
      "pow", pow, [](double x, double p) { return std::exp(p * std::log(x)); }, between(0.5, 2),
      between(-2, 3));
  pow_row.arguments = {"x", "p"};
  return {
      unary(
          "abs", abs, [](double x) { return x < 0 ? -x : x; }, away_from_zero),
      cast_row(),
      clamp_row(),
      unary(
          "cos", cos, [](double x) { return std::sin(x + std::acos(0.0)); }, between(-4, 4)),
      unary("erf", erf, erf_by_series, between(-2, 2)),
      unary(
          "exp", exp, [](double x) { return std::exp(x); }, between(-2, 2)),
      unary(
          "expm1", expm1, [](double x) { return std::exp(x) - 1; }, between(-2, 2)),
      unary(
          "log", log, [](double x) { return std::log(x); }, positive),
      unary(
          "log1p", log1p, [](double x) { return std::log(1 + x); }, between(-0.6, 3)),
      unary(
          "neg", neg, [](double x) { return 0 - x; }, between(-2, 2)),
      unary(
          "sin", sin, [](double x) { return std::cos(x - std::acos(0.0)); }, between(-4, 4)),
      unary(
          "sqrt", sqrt, [](double x) { return std::pow(x, 0.5); }, positive),
      unary(
          "square", square, [](double x) { return x * x; }, between(-2, 2)),
      binary(
          "add", add, [](double a, double b) { return a + b; }, any, any),
      binary(
          "div", div, [](double a, double b) { return a / b; }, any, away_from_zero),
      // The two grids lie 0.1 apart: no ties.
      binary(
          "maximum", maximum, [](double a, double b) { return a < b ? b : a; }, grid(0), grid(0.1)),
      binary(
          "minimum", minimum, [](double a, double b) { return a < b ? a : b; }, grid(0), grid(0.1)),
      binary(
          "mul", mul, [](double a, double b) { return a * b; }, any, any),
      pow_row,
      binary(
          "sub", sub, [](double a, double b) { return a - b; }, any, any),
      where_row(),
      comparison<equal>("equal", [](double a, double b) { return a == b ? std::pow(a - b, 3) : 0; }),
      comparison<not_equal>("not_equal", [](double a, double b) { return a != b ? std::pow(a - b, 3) : 0; }),
      comparison<less>("less", [](double a, double b) { return a < b ? std::pow(a - b, 3) : 0; }),
      comparison<less_equal>("less_equal",
                             [](double a, double b) { return a <= b ? std::pow(a - b, 3) : 0; }),
      comparison<greater>("greater", [](double a, double b) { return a > b ? std::pow(a - b, 3) : 0; }),
      comparison<greater_equal>("greater_equal",
                                [](double a, double b) { return a >= b ? std::pow(a - b, 3) : 0; }),
  };
}

}  // namespace taper::test
