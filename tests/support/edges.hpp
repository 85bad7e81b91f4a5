// Tables of a function's value, slope and curvature at its edges, checked in both dtypes.
#pragma once

#include "support/helpers.hpp"

#include <functional>
#include <limits>
#include <vector>

namespace taper::test {

inline constexpr double inf = std::numeric_limits<double>::infinity();
inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();

using UnaryFunction = std::function<Tensor(const Tensor&)>;

// f(x), f'(x) and f''(x).
struct Edge {
  double x, value, slope, curvature;
};

// Each number in float64 and in float32, relative to its size unless that is below 1.
void expect_edges(const UnaryFunction& f, const std::vector<Edge>& edges);
// For numbers that float32 can't hold, or whose curvature rounds away there.
void expect_float64_edges(const UnaryFunction& f, const std::vector<Edge>& edges);
// The value and the slope of f at x have all their digits, however small they are. In float64.
void expect_digits(const UnaryFunction& f, double x, double value, double slope);

}  // namespace taper::test
