// Rows of the registry: the activations, functions of one element that networks put between their layers.
#include "ops/registry.hpp"
#include <taper/taper.hpp>

#include <cmath>

namespace taper::test {

std::vector<OpRow> activation_ops() {
  return {
      // By erf; the library uses erfc.
      unary(
          "gelu", gelu, [](double x) { return x * 0.5 * (1 + std::erf(x / std::sqrt(2.0))); },
          between(-3, 3)),
      unary(
          "relu", relu, [](double x) { return x > 0 ? x : 0.0; }, away_from_zero),
      unary(
          "sigmoid", sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, between(-4, 4)),
      unary(
          "tanh", tanh, [](double x) { return (std::exp(x) - std::exp(-x)) / (std::exp(x) + std::exp(-x)); },
          between(-2, 2)),
  };
}

}  // namespace taper::test
