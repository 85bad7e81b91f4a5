// rotary: positions written into vectors as rotations.
#pragma once

#include "../../core/tensor.hpp"

#include <cstdint>

namespace taper {

// Rotary position embedding of x (…, n, d), d even: row t stands at position p = first_position + t, and its
// elements 2i and 2i + 1 are turned by the angle p base^(-2i / d):
//   y_2i     = x_2i cos(angle) - x_(2i+1) sin(angle),
//   y_(2i+1) = x_2i sin(angle) + x_(2i+1) cos(angle).
// y has x's shape. The dot product of two rows that are turned this way depends on their positions through
// the difference alone. A rotation is orthogonal: dx is dy turned by the negative angles.
//
// Angles are computed in double. float32 or float64. Throws if x has fewer than two axes, d is odd, or base
// is not positive and finite. Source: Su et al., arXiv 2104.09864, equation 34. (Some programs pair elements
// i and i + d / 2 instead: docs/ops/rotary.md says how to change from one to the other.)
Tensor rotary(const Tensor& x, std::int64_t first_position = 0, double base = 10000);

}  // namespace taper
