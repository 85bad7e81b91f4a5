// Rows of the registry: the activations, functions of one element that networks put between their layers.
#include "ops/registry.hpp"
#include <taper/taper.hpp>

#include <cmath>

namespace taper::test {
namespace {

// The variants with the default for the second argument, and one with another.
OpRow with_number(const char* op, Tensor (*f)(const Tensor&), double (*reference)(double),
                  Tensor (*other)(const Tensor&), double (*of_other)(double)) {
  OpRow op_row = unary(op, f, reference, away_from_zero);
  op_row.variants.push_back({"another number",
                             [other](const Tensors& x) { return other(x[0]); },
                             pointwise(of_other),
                             {{{3, 7}, away_from_zero}}});
  return op_row;
}

}  // namespace

std::vector<OpRow> activation_ops() {
  return {
      with_number(
          "elu", [](const Tensor& x) { return elu(x); }, [](double x) { return x > 0 ? x : std::exp(x) - 1; },
          [](const Tensor& x) { return elu(x, 2.5); },
          [](double x) { return x > 0 ? x : 2.5 * (std::exp(x) - 1); }),
      // By erf; the library uses erfc.
      unary(
          "gelu", gelu, [](double x) { return x * 0.5 * (1 + std::erf(x / std::sqrt(2.0))); },
          between(-3, 3)),
      with_number(
          "leaky_relu", [](const Tensor& x) { return leaky_relu(x); },
          [](double x) { return x > 0 ? x : 0.01 * x; }, [](const Tensor& x) { return leaky_relu(x, -2); },
          [](double x) { return x > 0 ? x : -2 * x; }),
      unary(
          "log_sigmoid", log_sigmoid, [](double x) { return -std::log(1 + std::exp(-x)); }, between(-4, 4)),
      unary(
          "relu", relu, [](double x) { return x > 0 ? x : 0.0; }, away_from_zero),
      unary(
          "sigmoid", sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, between(-4, 4)),
      unary(
          "silu", silu, [](double x) { return x / (1 + std::exp(-x)); }, between(-4, 4)),
      unary(
          "softplus", softplus, [](double x) { return std::log(1 + std::exp(x)); }, between(-4, 4)),
      unary(
          "tanh", tanh, [](double x) { return (std::exp(x) - std::exp(-x)) / (std::exp(x) + std::exp(-x)); },
          between(-2, 2)),
  };
}

}  // namespace taper::test
