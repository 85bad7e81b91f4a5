// What the three sparse softmaxes have in common: their arguments, their edges and the k largest elements of
// a row.
#pragma once

#include "../../../core/fail.hpp"
#include "../../../core/tensor.hpp"
#include "sparse_row.hpp"

namespace taper::kernels {

// Calls body(candidates) with the at most k largest elements of row[0 … n) that exceed (maximum - width), in
// the order of their indices; of elements that tie for the k-th place those with the lowest indices are
// taken. -inf is never among them. A row with a NaN or +inf is a NaN row, which has no candidates. Elements
// up to `bound` are left out, too: the caller knows that they don't matter.
template <class T, class Body>
void with_largest(const T* row, std::int64_t n, std::int64_t k, T width, const Body& body,
                  T bound = -infinity<T>) {
  CandidateMemory<T> memory(1, std::min(k, n));
  Candidates<T> candidates = memory.start(0, width);
  candidates.raise_threshold(bound, Candidates<T>::Bound::tau);
  scan_row(row, n, candidates);
  body(candidates);
}

// The axis, checked, and k. Throws if k < 1, if z has no axes, if the axis is out of range, or if its extent
// is 2^31 or more.
inline int checked_axis_and_k(const char* op, const Tensor& z, std::int64_t k, int axis) {
  check_given(op, "z", z);
  if (z.rank() == 0) fail(op, "z must have at least one axis, got shape ", z.shape());
  if (k < 1) fail(op, "k must be at least 1, got ", k, " for z of shape ", z.shape());
  const int a = checked_axis(op, "axis", axis, z.shape());
  if (z.extent(a) > std::numeric_limits<std::int32_t>::max()) {
    fail(op, "rows must be shorter than 2^31, got shape ", z.shape(), " and axis ", axis);
  }
  return a;
}

}  // namespace taper::kernels
