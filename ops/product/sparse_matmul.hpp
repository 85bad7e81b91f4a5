// sparse_matmul: products with a matrix of which few elements are stored, and what its gradient is made of.
#pragma once

#include "../../core/compressed_rows.hpp"
#include "../../core/tensor.hpp"

namespace taper {

// Below, W (m, n) is the matrix that has values[p] at place p of `places` and 0 elsewhere: values (places.size()). All
// tensors are float32 or all float64. The results are bitwise the same for any number of threads. What a stored
// 0 meets counts, as in NaN * 0, and what an element that is not stored would have met doesn't, but on a device:
// there W is written out in full, and multiplied as matmul does it.

// y = x W^T along the last axis: x (…, n), y (…, m); or with `transposed` y = x W: x (…, m), y (…, n). With the
// rows of x as one index r,
//   dx = dy W,   dvalues_p = sum_r dy_r,i x_r,j for p at (i, j),   and with `transposed` dx = dy W^T, and x and
//   dy change places in dvalues.
// Takes 2 places.size() operations for each row of x. Throws if `places` is an empty handle, x has rank 0, an
// extent or a dtype does not fit.
Tensor sparse_matmul(const Tensor& x, const CompressedRows& places, const Tensor& values,
                     bool transposed = false);

// The elements of a^T b at the places, v_p = sum_r a_r,i b_r,j for p at (i, j), without the rest of it: a (r, m),
// b (r, n), v (places.size()).
//   da = b V^T,   db = a V   with V the matrix that has dv at the places.
// Throws likewise, and if a and b are no matrices with equally many rows.
Tensor sampled_matmul(const Tensor& a, const Tensor& b, const CompressedRows& places);

// W, with all its zeros: (m, n). dvalues_p = dW_ij.
Tensor sparse_to_dense(const CompressedRows& places, const Tensor& values);

}  // namespace taper
