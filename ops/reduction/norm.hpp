// norm: the Euclidean norm over axes.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = sqrt(sum x^2) over `axes` (all by default), which disappear from the shape, or stay as 1 with keepdims;
// 0 for no elements. dx = dy x / y, and 0 at y = 0, where every vector of norm <= 1 is a subgradient. Sums
// run in float64: squares of float32 never overflow, those of float64 do from 1.3e154 on. Throws if an axis
// is out of range or named twice.
Tensor norm(const Tensor& x, const Axes& axes = {}, bool keepdims = false);

}  // namespace taper
