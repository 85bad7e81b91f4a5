// SparseAttention: attention in which each query looks at k keys at most.
#pragma once

#include <taper/nn/module.hpp>

namespace taper::nn {

struct SparseAttentionOptions {
  // The scores are multiplied by it; 1 as in the document, 1 / sqrt(d) as in most models.
  double scale = 1;
};

// y = P V with P = sparse_softmax(scale Q K^T, k), for queries Q (b, n, d), keys K (b, m, d) and values V (b,
// m, e); y is (b, n, e). Composed of bmm, transpose and sparse_softmax as Example 3 of the zeta.ops page. It
// has no parameters.
class SparseAttention : public Module {
 public:
  // Throws where k < 1.
  explicit SparseAttention(std::int64_t k, const SparseAttentionOptions& options = {});

  // Throws, naming the argument, where shapes or dtypes do not fit together.
  Tensor operator()(const Tensor& queries, const Tensor& keys, const Tensor& values) const;

  // With a mask that broadcasts to (b, n, m): a query may look at a key where it is not 0. A query that may
  // look at no key at all gives zeros, and no gradient.
  Tensor operator()(const Tensor& queries, const Tensor& keys, const Tensor& values,
                    const Tensor& mask) const;

  void list(Parts&) const override {}

 private:
  Tensor scores(const Tensor& queries, const Tensor& keys, const Tensor& values) const;
  Tensor attend(const Tensor& scores, const Tensor& values) const;

  std::int64_t k_;
  SparseAttentionOptions options_;
};

}  // namespace taper::nn
