// Values, slopes and curvatures by the tape.
#include "support/edges.hpp"

#include <taper/taper.hpp>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

void expect_edges_in(DType dtype, const UnaryFunction& f, const std::vector<Edge>& edges) {
  SCOPED_TRACE(printed(dtype));
  const double tolerance = dtype == float32 ? 1e-6 : 1e-14;
  for (const Edge& edge : edges) {
    SCOPED_TRACE("at x = " + printed(edge.x));
    Tensor x = tensor({edge.x}, dtype).requires_grad();
    Tape tape;
    const Tensor y = f(x);
    const Tensor slope = tape.gradient(y, {x}, {.create_graph = true})[0];
    const Tensor curvature = tape.gradient(slope, {x})[0];
    expect_values(y, {edge.value}, tolerance);
    expect_values(slope, {edge.slope}, tolerance);
    expect_values(curvature, {edge.curvature}, tolerance);
  }
}

}  // namespace

void expect_edges(const UnaryFunction& f, const std::vector<Edge>& edges) {
  for (const DType dtype : {float32, float64}) expect_edges_in(dtype, f, edges);
}

void expect_float64_edges(const UnaryFunction& f, const std::vector<Edge>& edges) {
  expect_edges_in(float64, f, edges);
}

void expect_digits(const UnaryFunction& f, double x, double value, double slope) {
  EXPECT_NEAR(f(row({x})).item() / value, 1, 1e-14) << "the value at " << x;
  EXPECT_NEAR(gradient_of(f, row({x})).item() / slope, 1, 1e-14) << "the slope at " << x;
}

}  // namespace taper::test
