// sort and top_k: elements in order along an axis, and where they stood.
#pragma once

#include "../../core/indices.hpp"
#include "../../core/tensor.hpp"

namespace taper {

// Both in one shape: values[…, i, …] = x[…, indices[…, i, …], …] along the axis.
struct Sorted {
  Tensor values;
  Indices indices;
};

// x's elements along `axis` in ascending or descending order. Equal elements (-0 and 0 are) stay in their
// order in both; NaN counts as larger than every number, as in PyTorch. The values are recorded: dx is dy at
// the places that they came from. Throws if the axis is out of range.
Sorted sort(const Tensor& x, int axis = -1, bool descending = false);

// The k largest elements in descending order: the first k of sort(x, axis, true). Throws if the axis is out
// of range, or k negative or larger than its extent.
Sorted top_k(const Tensor& x, std::int64_t k, int axis = -1);

}  // namespace taper
