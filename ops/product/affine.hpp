// affine: a product with a matrix, and a vector added to each row.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y = x W + b along the last axis: x (…, inputs), W (inputs, outputs), b (outputs), y (…, outputs). With the
// rows of x as one index r,
//   dx = dy W^T,    dW = x^T dy = sum_r x_r dy_r^T,    db = sum_r dy_r.
// float32 or float64, all three the same. Throws if x has rank 0, W is no matrix or b no vector, or their
// extents or dtypes don't fit.
Tensor affine(const Tensor& x, const Tensor& weight, const Tensor& bias);

}  // namespace taper
