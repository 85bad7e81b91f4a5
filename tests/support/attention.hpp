// What the tests of sparse attention share: a problem and how it is called, and attention composed of public
// ops, which those of the modules compare with too.
#pragma once

#include "support/helpers.hpp"
#include <taper/core/create.hpp>
#include <taper/ops.hpp>

#include <limits>
#include <ostream>
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

// Queries (b, n, d), keys (b, m, d) and values (b, m, e) on the CPU, and how they are called.
struct AttentionProblem {
  Tensors inputs;
  std::int64_t k;
  AttentionOptions options;

  // The same for other inputs, on their device.
  Tensor operator()(const Tensors& x) const {
    AttentionOptions there = options;
    if (there.mask) there.mask = there.mask.to(x[0].device());
    return sparse_attention(x[0], x[1], x[2], k, there);
  }
  // P of sparse_attention.hpp, exactly: the result with the identity for values.
  Tensor probabilities(Device device = Device::cpu()) const {
    const std::int64_t batch = inputs[0].extent(0), m = inputs[1].extent(1);
    std::vector<double> identity(static_cast<std::size_t>(batch * m * m));
    for (std::int64_t i = 0; i < batch * m; ++i) identity[static_cast<std::size_t>(i * m + i % m)] = 1;
    const Tensor values = tensor(identity, {batch, m, m}, inputs[0].dtype());
    return (*this)({inputs[0].to(device), inputs[1].to(device), values.to(device)});
  }
};

inline std::ostream& operator<<(std::ostream& out, const AttentionProblem& problem) {
  out << problem.inputs[0].dtype() << " queries " << problem.inputs[0].shape() << ", keys "
      << problem.inputs[1].shape() << ", values " << problem.inputs[2].shape() << ", k " << problem.k
      << ", scale " << problem.options.scale << (problem.options.causal ? ", causal" : "");
  if (problem.options.mask) out << ", mask " << problem.options.mask.dtype() << problem.options.mask.shape();
  return out;
}

}  // namespace taper::test
