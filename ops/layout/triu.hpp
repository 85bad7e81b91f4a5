// triu and tril: the upper and the lower triangle of matrices.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// triu: y_ij = x_ij for j - i >= diagonal, else 0. tril: y_ij = x_ij for j - i <= diagonal, else 0. The
// matrices are x's last two axes; diagonal 0 is the main one, 1 the one above it. dx is the same triangle of
// dy. What is left out is 0 even if it was NaN. Throws if x has fewer than two axes.
Tensor triu(const Tensor& x, std::int64_t diagonal = 0);
Tensor tril(const Tensor& x, std::int64_t diagonal = 0);

}  // namespace taper
