// SparseAttention: attention in which each query looks at k keys at most.
#pragma once

#include "../../ops/attention/attention_pattern.hpp"
#include "../module.hpp"

namespace taper::nn {

// How a layer computes attention.
enum class AttentionMethod {
  // bmm, transpose and sparse_softmax, each a node of the tape with an n x m matrix: to see how it works.
  composed,
  // The op sparse_attention, which makes no n x m matrix and is several times faster: to train with. Values
  // and gradients are those of the composition but for rounding, and but for NaN and infinities where no
  // query looks: see ops/attention/sparse_attention.hpp.
  fused,
  // softmax over all keys that a query may look at; k counts for nothing: to compare with. Composed, or with a pattern
  // the op softmax_attention.
  dense
};

struct SparseAttentionOptions {
  // As AttentionOptions (ops/attention/sparse_attention.hpp) has them.
  double scale = 1;
  bool causal = false;
  // As AttentionOptions has it. `fused` and `dense` don't multiply what the pattern hides; `composed` hides it.
  AttentionPattern pattern = {};
  AttentionMethod method = AttentionMethod::composed;
};

// y = P V with P = sparse_softmax(scale Q K^T, k), for queries Q (b, n, d), keys K (b, m, d) and values V (b,
// m, e); y is (b, n, e). By default composed as Example 3 of the zeta.ops page. It has no parameters.
class SparseAttention : public Module {
 public:
  // Throws if k < 1.
  explicit SparseAttention(std::int64_t k, const SparseAttentionOptions& options = {});

  // At how many keys a query looks at most. set_k throws if k < 1.
  std::int64_t k() const { return k_; }
  void set_k(std::int64_t k);

  // Throws, naming the argument, if shapes or dtypes do not fit together.
  Tensor operator()(const Tensor& queries, const Tensor& keys, const Tensor& values) const;

  // With a mask of 0 and 1 that broadcasts to (b, n, m): a query may look at a key where it is 1. A query that may look
  // at no key at all gives zeros, and no gradient. Throws as above, and if the mask has another element; what PyTorch's
  // layers take is converted by mask_from_additive or mask_from_hidden (ops/attention/sparse_attention.hpp).
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
