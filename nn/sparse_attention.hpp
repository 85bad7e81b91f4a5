// SparseAttention: attention in which each query looks at k keys at most.
#pragma once

#include "module.hpp"

namespace taper::nn {

struct SparseAttentionOptions {
  // The scores are multiplied by it: 1 as on the zeta.ops page, 1 / sqrt(d) as in most models.
  double scale = 1;
  // Query i may look at keys 0 … i + m - n only: the last query sees all m keys, and with m = n each position
  // sees itself and those before.
  bool causal = false;
  // Calls the op sparse_attention, which makes no n x m matrix, instead of the composition. The values
  // and gradients are the same except for rounding, and for NaN and infinities where no query looks:
  // see sparse_attention.hpp.
  bool fused = false;
  // To compare with: P = softmax(scale Q K^T) over all keys that a query may look at. k counts for nothing,
  // and it is always the composition.
  bool dense = false;
};

// y = P V with P = sparse_softmax(scale Q K^T, k), for queries Q (b, n, d), keys K (b, m, d) and values V (b,
// m, e); y is (b, n, e). Composed of bmm, transpose and sparse_softmax as in Example 3 of the zeta.ops page,
// unless fused. It has no parameters.
class SparseAttention : public Module {
 public:
  // Throws if k < 1.
  explicit SparseAttention(std::int64_t k, const SparseAttentionOptions& options = {});

  // At how many keys a query looks at most. set_k throws if k < 1.
  std::int64_t k() const { return k_; }
  void set_k(std::int64_t k);

  // Throws, naming the argument, if shapes or dtypes do not fit together.
  Tensor operator()(const Tensor& queries, const Tensor& keys, const Tensor& values) const;

  // With a mask that broadcasts to (b, n, m): a query may look at a key where it is not 0. A query that may
  // look at no key at all gives zeros, and no gradient.
  Tensor operator()(const Tensor& queries, const Tensor& keys, const Tensor& values,
                    const Tensor& mask) const;

  // P, (b, n, m): what each query gives each key, zeros in the row of a query that may look at none. Always
  // by the composition. The mask, if given, is as above. Throws as above.
  Tensor probabilities(const Tensor& queries, const Tensor& keys, const Tensor& mask = {}) const;

  void list(Parts&) const override {}

 private:
  // The mask may be an empty handle.
  Tensor attend(const Tensor& queries, const Tensor& keys, const Tensor& values, const Tensor& mask) const;

  std::int64_t k_;
  SparseAttentionOptions options_;
};

}  // namespace taper::nn
