// Reductions over any set of axes: what sum, max and their kin are made of.
#pragma once

#include "../backend.hpp"

namespace taper::kernels {

// How to walk a tensor in memory order while reducing some of its axes. Neighbouring axes that are both
// reduced, or both kept, are one loop.
struct ReducePlan {
  Shape kept;     // the result's shape with 1 for each reduced axis
  Shape result;   // the result's shape
  Shape extents;  // of the loops, outermost first; at least one
  Shape strides;  // of the result in each loop, in elements; 0 in loops that are reduced
};
// `reduced` marks the axes to reduce, see Axes::reduced.
ReducePlan plan_reduction(const Shape& shape, const Shape& reduced, bool keepdims);

// The sum of x over the axes that the plan reduces, each added up in float64 and rounded once.
Tensor sum(const char* op, const ReducePlan& plan, const Tensor& x);
// The product instead, likewise.
Tensor prod(const char* op, const ReducePlan& plan, const Tensor& x);
// The largest element instead; NaN if there is one.
Tensor max(const char* op, const ReducePlan& plan, const Tensor& x);
// The smallest element; NaN if there is one.
Tensor min(const char* op, const ReducePlan& plan, const Tensor& x);
// The root of the sum of squares, which are added up in float64.
Tensor norm(const char* op, const ReducePlan& plan, const Tensor& x);
// The sum of (x - mean)^2 over `divisor`, or the root of that. An offset that all elements share costs no digits: they
// are added up about one of them, or about their mean if that one lies far from it.
Tensor variance(const char* op, const ReducePlan& plan, const Tensor& x, double divisor, bool takes_root);

}  // namespace taper::kernels
