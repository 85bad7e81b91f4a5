// Rows of the registry: functions of one element.
#include "ops/registry.hpp"
#include <taper/taper.hpp>

#include <cmath>

namespace taper::test {
namespace {

std::vector<Variant> over_shapes(Tensor (*f)(const Tensor&), const Reference& reference, const Draw& draw) {
  const MultiFunction call = [f](const Tensors& x) { return f(x[0]); };
  const auto variant = [&](const char* name, const Shape& shape) {
    return Variant{name, call, reference, {{shape, draw}}};
  };
  return {variant("rank 0", {}), variant("rank 1", {5}), variant("rank 2", {3, 7}),
          variant("rank 9", {2, 1, 2, 1, 2, 1, 1, 3, 1}), variant("no elements", {2, 0, 3})};
}

OpRow unary(const char* op, Tensor (*f)(const Tensor&), double (*reference)(double), const Draw& draw) {
  return {op, over_shapes(f, pointwise(reference), draw)};
}

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

}  // namespace

std::vector<OpRow> unary_ops() {
  const Draw positive = between(0.5, 3);
  return {
      unary(
          "abs", abs, [](double x) { return x < 0 ? -x : x; }, away_from_zero),
      cast_row(),
      unary(
          "exp", exp, [](double x) { return std::exp(x); }, between(-2, 2)),
      // By erf; the library uses erfc.
      unary(
          "gelu", gelu, [](double x) { return x * 0.5 * (1 + std::erf(x / std::sqrt(2.0))); },
          between(-3, 3)),
      unary(
          "log", log, [](double x) { return std::log(x); }, positive),
      unary(
          "neg", neg, [](double x) { return 0 - x; }, between(-2, 2)),
      unary(
          "relu", relu, [](double x) { return x > 0 ? x : 0.0; }, away_from_zero),
      unary(
          "sigmoid", sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, between(-4, 4)),
      unary(
          "sqrt", sqrt, [](double x) { return std::pow(x, 0.5); }, positive),
      unary(
          "square", square, [](double x) { return x * x; }, between(-2, 2)),
      unary(
          "tanh", tanh, [](double x) { return (std::exp(x) - std::exp(-x)) / (std::exp(x) + std::exp(-x)); },
          between(-2, 2)),
  };
}

}  // namespace taper::test
