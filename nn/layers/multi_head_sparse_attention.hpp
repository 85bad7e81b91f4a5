// MultiHeadSparseAttention: several sparse attentions side by side, each on its own projections.
#pragma once

#include "linear.hpp"
#include "sparse_attention.hpp"

namespace taper::nn {

struct MultiHeadSparseAttentionOptions {
  // As SparseAttentionOptions has it: with as many queries as keys, a position sees itself and those before.
  bool causal = false;
  // Which keys a query may look at by its position (ops/attention/attention_pattern.hpp), in all heads, or by per_head
  // in each. Where a query stands is said there: as `rotary` below has it.
  AttentionPattern pattern = {};
  // Whether each of the four projections has a bias.
  bool bias = true;
  DType dtype = float32;
  // Turns the queries and keys of each head by the angles of their positions (the op rotary), so that a score
  // depends on how far apart the two are. The positions count from 0; if attention is causal, the last query
  // stands where the last key does. Needs an even width / heads.
  bool rotary = false;
  AttentionMethod method = AttentionMethod::fused;
};

// What a call may bring along: attention(x, {.mask = mask}).
struct AttentionMask {
  // If given, it broadcasts to (b, n, m) and holds for every head: a query may look at a key where the
  // mask, which consists of 0 and 1, is 1.
  Tensor mask = {};
};

// With h heads of width d = width / h, queries from X (b, n, width), keys and values from Y (b, m, width):
//   Q = query(X),  K = key(Y),  V = value(Y),
//   O_i = P_i V_i  with  P_i = sparse_softmax(Q_i K_i^T / sqrt(d), k),  i = 1 … h,
//   result = output(O), (b, n, width),
// where Q_i, K_i, V_i and O_i are columns (i - 1) d … i d - 1 of the last axis. The four projections are
// Linear from width to width and start as those do. A query that may look at no key gives the output's bias.
//
// Source: Vaswani et al., Attention Is All You Need (2017), arXiv 1706.03762, section 3.2.2, with their
// softmax replaced by sparse_softmax. Rotary: Su et al., arXiv 2104.09864.
class MultiHeadSparseAttention : public Module {
 public:
  // Throws unless width, heads and k are at least 1 and heads divides width, if rotary is asked for with an odd
  // width / heads, and if the pattern is a list that has not one for each head.
  MultiHeadSparseAttention(std::int64_t width, std::int64_t heads, std::int64_t k, Generator& generator,
                           const MultiHeadSparseAttentionOptions& options = {});
  MultiHeadSparseAttention(std::int64_t width, std::int64_t heads, std::int64_t k,
                           const MultiHeadSparseAttentionOptions& options = {})
      : MultiHeadSparseAttention(width, heads, k, default_generator(), options) {}

  // Self-attention: queries, keys and values from x (b, n, width). Throws if rank, width or dtype of x do not
  // fit or the mask does not broadcast to (b, n, n).
  Tensor operator()(const Tensor& x, const AttentionMask& options = {}) const;

  // Cross-attention: from X (b, n, width) to Y (b, m, width). Throws as above, and if the batch sizes differ.
  Tensor operator()(const Tensor& queries_from, const Tensor& keys_and_values_from,
                    const AttentionMask& options = {}) const;

  // P of all heads, (b, heads, n, n): what each query gives each key in operator()(x, options); a row of a
  // query that may look at no key is 0. For pictures and scores, not for speed: the matrix is made whole.
  Tensor probabilities(const Tensor& x, const AttentionMask& options = {}) const;

  // At how many keys a query looks at most; it may change between calls. set_k throws if k < 1.
  std::int64_t k() const { return attention_.k(); }
  void set_k(std::int64_t k) { attention_.set_k(k); }

  void list(Parts& parts) const override;

  Linear query, key, value, output;

 private:
  void check(const char* argument, const Tensor& x) const;
  Tensor attend(const Tensor& x, const Tensor& y, const Tensor& mask) const;
  Tensor split(const Tensor& x) const;
  std::pair<Tensor, Tensor> queries_and_keys(const Tensor& x, const Tensor& y) const;
  Tensor mask_of_heads(const Tensor& mask, const Tensor& x, const Tensor& y) const;

  std::int64_t heads_;
  bool causal_, rotary_;
  SparseAttention attention_;
};

}  // namespace taper::nn
