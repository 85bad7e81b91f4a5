// TransformerBlock: attention, then a perceptron, each added to what it is given.
#pragma once

#include "dropout.hpp"
#include "mlp.hpp"
#include "multi_head_sparse_attention.hpp"
#include "norms.hpp"

#include <variant>

namespace taper::nn {

enum class Norm { layer, rms };

struct TransformerBlockOptions {
  // Options of the attention: MultiHeadSparseAttentionOptions says what they do.
  bool causal = false;
  AttentionPattern pattern = {};
  bool rotary = false;
  AttentionMethod method = AttentionMethod::fused;
  // The width of the perceptron's hidden layer; 0: four times the block's.
  std::int64_t hidden = 0;
  // The probability with which an element of either branch is dropped in training.
  double dropout = 0;
  Norm norm = Norm::layer;
  // Whether the attention's and the perceptron's layers have a bias.
  bool bias = true;
  DType dtype = float32;
};

// With x, y and z of shape (b, n, width):
//   y = x + dropout(attention(norm1(x))),
//   z = y + dropout(mlp(norm2(y))).
// Pre-norm: what goes through the block unchanged is never normalised, so that a deep model trains without
// warm-up, and wants one more norm after its last block. Each part starts as it does by itself; to start
// otherwise, assign to its weights before an optimizer takes them (init.hpp).
//
// Sources: Vaswani et al., arXiv 1706.03762, for the block; Xiong et al., arXiv 2002.04745, for its norms.
class TransformerBlock : public Module {
 public:
  // Dropout draws from the generator that the weights are drawn from: with dropout it must outlive the block
  // and its copies. Throws unless width, heads and k are at least 1, heads divides width, width / heads is
  // even if rotary is asked for, the pattern is one for all heads or one for each, hidden is not negative,
  // and 0 <= dropout < 1.
  TransformerBlock(std::int64_t width, std::int64_t heads, std::int64_t k, Generator& generator,
                   const TransformerBlockOptions& options = {});
  // From default_generator(), dropout too, as Dropout(p) does.
  TransformerBlock(std::int64_t width, std::int64_t heads, std::int64_t k,
                   const TransformerBlockOptions& options = {});

  // z. Throws as MultiHeadSparseAttention and the norms do.
  Tensor operator()(const Tensor& x, const AttentionMask& options = {}) const;

  // What each query of the block's attention gives each key, (b, heads, n, n):
  // attention.probabilities of norm1(x).
  Tensor probabilities(const Tensor& x, const AttentionMask& options = {}) const;

  void list(Parts& parts) const override;

  std::variant<LayerNorm, RmsNorm> norm1;
  MultiHeadSparseAttention attention;
  std::variant<LayerNorm, RmsNorm> norm2;
  Mlp mlp;
  Dropout dropout;

 private:
  TransformerBlock(std::int64_t width, std::int64_t heads, std::int64_t k, Generator& generator,
                   const Dropout& dropout, const TransformerBlockOptions& options);
};

}  // namespace taper::nn
