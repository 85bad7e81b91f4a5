// Derivatives of whole functions: Jacobians, Hessians, and Hessian-vector products.
//
// Each calls f once, with a copy of x, on a tape of its own: x, its gradient and a tape that records are left
// alone. The result is a constant of x's dtype and device, through which no gradient flows. Whatever else f
// uses counts as a constant, too; a recorded result of an enclosing tape has to be detached first (a backward
// that reaches it throws). All throw what f throws.
#pragma once

#include "tensor.hpp"

#include <functional>

namespace taper {

// J of shape y.shape + x.shape, J(j, i) = dy_j / dx_i, for y = f(x) of any shape: one backward for each
// element of y. Zeros if y does not depend on x.
Tensor jacobian(const std::function<Tensor(const Tensor&)>& f, const Tensor& x);

// H of shape x.shape + x.shape, H(i, j) = d^2y / dx_i dx_j, for y = f(x) of one element: one backward for the
// gradient, and one of the gradient for each element of x. H is symmetric up to rounding. Throws if y does
// not have one element.
Tensor hessian(const std::function<Tensor(const Tensor&)>& f, const Tensor& x);

// H v of x's shape, (H v)_i = sum_j H(i, j) v_j, without H: two backwards. Throws if f(x) does not have one
// element, or v does not have x's shape, dtype and device.
Tensor hessian_vector_product(const std::function<Tensor(const Tensor&)>& f, const Tensor& x,
                              const Tensor& v);

}  // namespace taper
