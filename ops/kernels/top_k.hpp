// The k largest elements of a row, which the three sparse softmaxes have in common.
#pragma once

#include <taper/core/fail.hpp>
#include <taper/core/pool.hpp>
#include <taper/core/tensor.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper::kernels {

template <class T>
struct Candidate {
  T value;
  std::int64_t index;
};

template <class T>
using Candidates = taper::detail::PoolVector<Candidate<T>>;

// The largest element of row[0 … n): NaN where one is NaN, -inf where n is 0.
template <class T>
T row_maximum(const T* row, std::int64_t n) {
  T largest = -std::numeric_limits<T>::infinity();
  for (std::int64_t i = 0; i < n; ++i) largest = row[i] > largest || row[i] != row[i] ? row[i] : largest;
  return largest;
}

// The at most k largest elements that exceed `above`, largest first, ties by lowest index.
template <class T>
void top_k(const T* row, std::int64_t n, std::int64_t k, T above, Candidates<T>& out) {
  out.clear();
  for (std::int64_t i = 0; i < n; ++i) {
    if (row[i] > above) out.push_back({row[i], i});
  }
  const auto larger = [](const Candidate<T>& a, const Candidate<T>& b) {
    return a.value > b.value || (a.value == b.value && a.index < b.index);
  };
  const auto kept = std::min(k, static_cast<std::int64_t>(out.size()));
  std::partial_sort(out.begin(), out.begin() + kept, out.end(), larger);
  out.resize(static_cast<std::size_t>(kept));
}

// Handles the rows on which all three agree: an empty one stays empty, one with NaN or +inf becomes NaN, one
// of -inf alone becomes zeros. Returns true where it did; otherwise `largest` is the finite maximum, and out
// is all zeros.
template <class T>
bool is_edge_row(const T* row, std::int64_t n, T* out, T& largest) {
  largest = row_maximum(row, n);
  const bool is_nan = !(largest < std::numeric_limits<T>::infinity());
  std::fill_n(out, n, is_nan ? std::numeric_limits<T>::quiet_NaN() : T{0});
  return is_nan || largest == -std::numeric_limits<T>::infinity();
}

// The axis, checked, and k. Throws where k < 1, z has no axes or the axis is out of range.
inline int checked_arguments(const char* op, const Tensor& z, std::int64_t k, int axis) {
  if (z.rank() == 0) fail(op, "z must have at least one axis, got shape ", z.shape());
  if (k < 1) fail(op, "k must be at least 1, got ", k, " for z of shape ", z.shape());
  return checked_axis(op, "axis", axis, z.shape());
}

}  // namespace taper::kernels
