// Attention composed of public ops, for the tests of the op and of the modules to compare with.
#pragma once

#include <taper/core/create.hpp>
#include <taper/ops.hpp>

#include <limits>
#include <vector>

namespace taper::test {

// (n, m): 1 for the keys 0 … i + m - n, which query i may look at if attention is causal.
inline Tensor seen_by_position(std::int64_t n, std::int64_t m) {
  std::vector<double> seen;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < m; ++j) seen.push_back(j - m <= i - n);
  }
  return tensor(seen, {n, m});
}

// P of sparse_attention.hpp, (b, n, m).
inline Tensor composed_probabilities(const Tensor& queries, const Tensor& keys, std::int64_t k,
                                     const AttentionOptions& options = {}) {
  Tensor scores = bmm(queries, keys, false, true) * options.scale;
  const auto hide = [&](const Tensor& seen) {
    scores = where(seen, scores, scalar_like(-std::numeric_limits<double>::infinity(), scores));
  };
  if (options.mask) hide(options.mask);
  if (options.causal) hide(seen_by_position(queries.extent(1), keys.extent(1)));
  return sparse_softmax(scores, k);
}

inline Tensor composed_attention(const Tensor& queries, const Tensor& keys, const Tensor& values,
                                 std::int64_t k, const AttentionOptions& options = {}) {
  return bmm(composed_probabilities(queries, keys, k, options), values);
}

}  // namespace taper::test
