// gather: positions of one axis, picked by index; rows of a table, for an embedding.
#pragma once

#include "../../core/indices.hpp"
#include "../../core/tensor.hpp"

namespace taper {

// y[…, i…, …] = x[…, indices[i…], …]: the axis is replaced by the shape of the indices, as in NumPy's take. A
// negative index counts from the end. dx at a position is the sum of dy over the indices that picked it.
// Throws if the axis or an index is out of range.
//
// gather(table, tokens) with a table (v, d) and tokens (b, t) is an embedding, (b, t, d).
Tensor gather(const Tensor& x, const Indices& indices, int axis = 0);

}  // namespace taper
