// Picking elements along an axis by their indices, and the adjoint.
#pragma once

#include "../backend.hpp"

namespace taper::kernels {

// y(o, i, r) = x(o, indices[i], r), with x seen as (outer, length, inner) around `axis`, as a tensor of
// `shape`. Negative indices count from the end; all are in range.
Tensor gather(const char* op, const Tensor& x, const Indices& indices, int axis, const Shape& shape);

// The adjoint: zeros of x's shape, to which each element of dy is added at the place that it was picked from,
// in ascending order of i.
Tensor scatter_add(const char* op, const Tensor& dy, const Indices& indices, int axis, const Shape& x_shape);

}  // namespace taper::kernels
