// SparseAttention: the composition, and the call of the op that replaces it.
#include "sparse_attention.hpp"

#include "../../core/create.hpp"
#include "../../core/fail.hpp"
#include "../../ops/attention/sparse_attention.hpp"
#include "../../ops/elementwise/mul.hpp"
#include "../../ops/elementwise/where.hpp"
#include "../../ops/layout/transpose.hpp"
#include "../../ops/product/bmm.hpp"
#include "../../ops/softmax/softmax.hpp"
#include "../../ops/softmax/sparse_softmax.hpp"

#include <algorithm>
#include <limits>

namespace taper::nn {
namespace {

constexpr const char* sparse_attention_name = "SparseAttention";

void check_mask(const Tensor& mask, const Tensor& queries, const Tensor& keys) {
  check_given(sparse_attention_name, "mask", mask);
  const Shape scores{queries.extent(0), queries.extent(1), keys.extent(1)};
  if (broadcasts_to(mask.shape(), scores)) return;
  fail(sparse_attention_name, "mask must broadcast to (batch, queries, keys) = ", scores, ", got ",
       mask.shape());
}

// (n, m) on that device: 1 where query i may look at key j, which is j <= i + m - n.
Tensor causal_mask(std::int64_t n, std::int64_t m, Device device) {
  Tensor mask = zeros({n, m});
  float* row = mask.mutable_data<float>();
  for (std::int64_t i = 0; i < n; ++i, row += m) {
    std::fill_n(row, std::max<std::int64_t>(i + m - n + 1, 0), 1.0f);
  }
  return mask.to(device);
}

}  // namespace

SparseAttention::SparseAttention(std::int64_t k, const SparseAttentionOptions& options) : options_(options) {
  set_k(k);
}

void SparseAttention::set_k(std::int64_t k) {
  if (k < 1) fail(sparse_attention_name, "k must be at least 1, got ", k);
  k_ = k;
}

Tensor SparseAttention::probabilities(const Tensor& queries, const Tensor& keys, const Tensor& mask) const {
  internal::check_attention(sparse_attention_name, queries, keys, keys);
  if (mask) {
    check_mask(mask, queries, keys);
    internal::check_mask(sparse_attention_name, mask);
  }
  const Scope scope = Scope::outermost(sparse_attention_name);
  Tensor scores = bmm(queries, transpose(keys, 1, 2));
  if (options_.scale != 1) scores = scores * options_.scale;
  Tensor seen = mask;
  const bool has_pattern = !options_.pattern.shows_everything();
  if (has_pattern || options_.causal) {
    seen = has_pattern ? pattern_mask(scores, options_.pattern, options_.causal)
                       : causal_mask(queries.extent(1), keys.extent(1), queries.device());
    if (mask) seen = where(mask, seen, scalar_like(0, seen));
  }
  if (seen) scores = where(seen, scores, scalar_like(-std::numeric_limits<double>::infinity(), scores));
  if (options_.method != AttentionMethod::dense) return sparse_softmax(scores, k_);
  const Tensor p = softmax(scores);
  // A row of -inf alone gives NaN, value and gradient: both end here and at the where() above.
  return seen ? where(seen, p, scalar_like(0, p)) : p;
}

Tensor SparseAttention::attend(const Tensor& queries, const Tensor& keys, const Tensor& values,
                               const Tensor& mask) const {
  const Scope scope = Scope::outermost(sparse_attention_name);
  const AttentionOptions options{options_.scale, options_.causal, options_.pattern, mask};
  if (options_.method == AttentionMethod::fused) return sparse_attention(queries, keys, values, k_, options);
  if (options_.method == AttentionMethod::dense && !options_.pattern.shows_everything())
    return softmax_attention(queries, keys, values, options);
  return bmm(probabilities(queries, keys, mask), values);
}

Tensor SparseAttention::operator()(const Tensor& queries, const Tensor& keys, const Tensor& values) const {
  internal::check_attention(sparse_attention_name, queries, keys, values);
  return attend(queries, keys, values, {});
}

Tensor SparseAttention::operator()(const Tensor& queries, const Tensor& keys, const Tensor& values,
                                   const Tensor& mask) const {
  internal::check_attention(sparse_attention_name, queries, keys, values);
  check_mask(mask, queries, keys);
  return attend(queries, keys, values, mask);
}

}  // namespace taper::nn
