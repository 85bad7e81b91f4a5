// Rows of the registry: functions of one element, and functions of two or three, whose shapes broadcast.
#include "ops/registry.hpp"
#include <taper/taper.hpp>

#include <cmath>

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
      unary(
          "exp", exp, [](double x) { return std::exp(x); }, between(-2, 2)),
      unary(
          "log", log, [](double x) { return std::log(x); }, positive),
      unary(
          "neg", neg, [](double x) { return 0 - x; }, between(-2, 2)),
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
          "mul", mul, [](double a, double b) { return a * b; }, any, any),
      pow_row,
      binary(
          "sub", sub, [](double a, double b) { return a - b; }, any, any),
      where_row(),
  };
}

}  // namespace taper::test
