// var and stddev: the variance over axes, and its root.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

struct VarOptions {
  // What is taken off the number of elements n: 1 for an estimate from a sample, 0 for the variance of these
  // elements.
  double correction = 1;
};

// y = the sum of (x - mean)^2 / (n - correction) over `axes` (all by default), which disappear from the
// shape, or stay as 1 with keepdims. An element or the mean is subtracted first, so that an offset that all share
// costs no digits; sums run in float64. dx = dy 2 (x - mean) / (n - correction). NaN for no more elements
// than the correction, as in PyTorch, if they are equal, else inf. Throws if an axis is out of range or named
// twice, or if the correction is not finite.
Tensor var(const Tensor& x, const Axes& axes = {}, bool keepdims = false, const VarOptions& options = {});

// The root of var, the standard deviation. (`std` would hide the namespace.) dx = dy (x - mean) / (y (n -
// correction)), and 0 at y = 0, if all elements are equal.
Tensor stddev(const Tensor& x, const Axes& axes = {}, bool keepdims = false, const VarOptions& options = {});

}  // namespace taper
