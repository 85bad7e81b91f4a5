// sum: totals over axes.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = the sum of x over `axes` (all by default), which disappear from the shape, or stay as 1 with keepdims.
// An empty sum is 0. dx = dy repeated along those axes. float32 is summed in float64 and rounded once. Throws
// if an axis is out of range or named twice.
Tensor sum(const Tensor& x, const Axes& axes = {}, bool keepdims = false);

// x summed down to `shape`, which broadcasts to x's: the adjoint of broadcast_to, and the way back for every
// op that broadcasts. dx = dy repeated to x's shape. Throws if `shape` does not broadcast to x's.
Tensor sum_to(const Tensor& x, const Shape& shape);

// The way back for one operand of an op that broadcasts: sums a cotangent of the result's shape to the
// operand's. It keeps the operand only if that has another shape than the result, to know the shape;
// otherwise it is free.
class SumTo {
 public:
  SumTo(const Tensor& operand, const Tensor& result) {
    if (!(operand.shape() == result.shape())) operand_ = operand;
  }
  Tensor operator()(Tensor cotangent) const {
    if (operand_) return sum_to(cotangent, operand_.shape());
    return cotangent;
  }

 private:
  Tensor operand_;
};

}  // namespace taper
