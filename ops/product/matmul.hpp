// matmul: the product of vectors, matrices and stacks of matrices.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// NumPy's a @ b. The last two axes hold matrices, a (…, m, k) and b (…, k, n), result (…, m, n); the axes
// before them broadcast. A vector stands for a row (a) or a column (b) that disappears from the result. It is
// made of reshape, broadcast_to, mm and bmm, which differentiate it. float32 or float64, both the same.
// Throws if an operand has rank 0, dtypes or inner dimensions differ, or the leading axes don't broadcast.
Tensor matmul(const Tensor& a, const Tensor& b);

}  // namespace taper
