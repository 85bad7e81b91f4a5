// Rows of the registry: functions of two elements, whose shapes broadcast.
#include "ops/registry.hpp"
#include <taper/taper.hpp>

#include <cmath>

namespace taper::test {
namespace {

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

}  // namespace

std::vector<OpRow> binary_ops() {
  const Draw any = between(-2, 2);
  OpRow pow_row = binary(
      "pow", pow, [](double x, double p) { return std::exp(p * std::log(x)); }, between(0.5, 2),
      between(-2, 3));
  pow_row.arguments = {"x", "p"};
  return {
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
  };
}

}  // namespace taper::test
