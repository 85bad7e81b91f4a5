// sparse_attention: attention in which each query looks at k keys at most, without the n x m matrices of its
// composition. docs/ops/sparse_attention.md derives it.
#pragma once

#include "../../core/tensor.hpp"
#include "../elementwise/comparison.hpp"
#include "attention_pattern.hpp"

namespace taper {

struct AttentionOptions {
  // Multiplies the scores; 1 / sqrt(d) in most models.
  double scale = 1;
  // Query i may look at keys 0 … i + m - n only: the last query sees all m keys, and with m = n each position
  // sees itself and those before.
  bool causal = false;
  // Which keys a query may look at by its position (attention_pattern.hpp): Strided{128}, Window{512}, …, or a pattern
  // for each head. What it hides is not multiplied, on the CPU.
  AttentionPattern pattern = {};
  // If given, broadcasts to (b, n, m) and consists of 0 and 1: a query may look at a key if its element is 1. For masks
  // of other kinds see mask_from_additive and mask_from_hidden below.
  Tensor mask = {};
};

// y = P V with P = sparse_softmax(scale Q K^T, k) along the keys, for queries Q (b, n, d), keys K (b,
// m, d) and values V (b, m, e); y is (b, n, e). What the mask, causal and the pattern hide is -inf before the k
// largest are selected.
//
// With S_i the support of query i and p its probabilities, the vector-Jacobian product is
//   dV_j = sum over i with j in S_i of p_ij dy_i,
//   g_ij = scale (dp_ij - mean of dp_i over S_i) with dp_ij = dy_i . V_j,  for j in S_i,
//   dQ_i = sum over j in S_i of g_ij K_j,    dK_j = sum over i with j in S_i of g_ij Q_i.
// Forward costs the b n m d products of the scores, with a pattern d for each pair that it shows (in strips of 16 keys);
// all else, backward too, is of the order b n k (d + e).
// Memory: b n k indices and probabilities are kept for backward; no n x m array exists.
//
// A query that may look at no key gives zeros, and no gradient. A query with a NaN or +inf among the scores
// that it may look at gives NaN: its y and dQ, and dK and dV of the batch element it is in. A value that no
// query keeps counts for nothing, even if it is NaN (the composition multiplies it by 0).
//
// The result is bitwise the same for any number of threads. float32 or float64, all three the same. Throws if
// shapes or dtypes do not fit together, k < 1, the mask does not broadcast or has an element other than 0 and 1, a block
// mask does not fit, or b is no multiple of the number of heads that the pattern tells apart.
// Sources: docs/ops/sparse_attention.md; sparse_softmax.hpp.
Tensor sparse_attention(const Tensor& queries, const Tensor& keys, const Tensor& values, std::int64_t k,
                        const AttentionOptions& options = {});

// y = P V with P = softmax(scale Q K^T) over the keys that the pattern, causal and the mask show, for tensors as above.
// With S_i the keys that query i may look at and p its probabilities, the vector-Jacobian product is
//   dV_j = sum over i with j in S_i of p_ij dy_i,    dp_ij = dy_i . V_j,
//   g_ij = scale p_ij (dp_ij - sum over S_i of p_il dp_il),    dQ_i = sum over S_i of g_ij K_j,    dK = g^T Q.
// Every product is taken for the pairs that are shown and no others, forward and backward: three times (d + e)
// for each of them. Memory: an index and some numbers for each; so without a pattern bmm and softmax do better.
//
// A query that may look at no key gives zeros, and no gradient; else the edges are those of softmax. The result is
// bitwise the same for any number of threads. Throws as sparse_attention does.
// Source: Child et al., arXiv 1904.10509, section 4.2.
Tensor softmax_attention(const Tensor& queries, const Tensor& keys, const Tensor& values,
                         const AttentionOptions& options = {});

// What a mask that is added to the scores lets be seen: 1 where it is 0; and 0 where it is -inf, or -10000 or less,
// which some programs write instead. Such are the masks of numbers that PyTorch's attention takes. Throws if an
// element is anything else: a bias of the scores is no mask.
Mask mask_from_additive(const Tensor& mask);

// What a mask whose ones hide lets be seen: 1 where it is 0, and 0 where it is 1. Such are the boolean masks of
// PyTorch's MultiheadAttention and Transformer; those of its scaled_dot_product_attention are 1 at what is seen, as
// here. Throws if an element is neither.
Mask mask_from_hidden(const Tensor& mask);

namespace internal {
// Throws in the name of `name` if shapes or dtypes do not fit together.
void check_attention(const char* name, const Tensor& queries, const Tensor& keys, const Tensor& values);
// Throws in the name of `name` if an element of the mask is neither 0 nor 1.
void check_mask(const char* name, const Tensor& mask);
}  // namespace internal

}  // namespace taper
