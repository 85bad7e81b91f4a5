// MultiHeadSparseAttention: initialisation and forward. The heads are folded into the batch axis: head i of
// problem p is problem p h + i.
#include "multi_head_sparse_attention.hpp"

#include "../../core/fail.hpp"
#include "../../ops/attention/rotary.hpp"
#include "../../ops/layout/broadcast_to.hpp"
#include "../../ops/layout/reshape.hpp"
#include "../../ops/layout/transpose.hpp"

#include <cmath>

namespace taper::nn {
namespace {

constexpr const char* multi_head_name = "MultiHeadSparseAttention";

std::int64_t checked_width(std::int64_t width, std::int64_t heads, std::int64_t k,
                           const MultiHeadSparseAttentionOptions& options) {
  if (heads < 1) fail(multi_head_name, "heads must be at least 1, got ", heads);
  if (width < 1 || width % heads != 0) {
    fail(multi_head_name, "width must be a positive multiple of heads, got ", width, " for ", heads,
         " heads");
  }
  if (k < 1) fail(multi_head_name, "k must be at least 1, got ", k);
  if (options.rotary && width / heads % 2 != 0) {
    fail(multi_head_name, "rotary needs an even width per head, got width ", width, " for ", heads, " heads");
  }
  if (options.pattern.heads() != 1 && options.pattern.heads() != heads) {
    fail(multi_head_name, "pattern must be one for all heads or one for each of ", heads, ", got ",
         options.pattern.heads());
  }
  return width;
}

LinearOptions projection(const MultiHeadSparseAttentionOptions& options) {
  return {.bias = options.bias, .dtype = options.dtype};
}

}  // namespace

MultiHeadSparseAttention::MultiHeadSparseAttention(std::int64_t width, std::int64_t heads, std::int64_t k,
                                                   Generator& generator,
                                                   const MultiHeadSparseAttentionOptions& options)
    : query(checked_width(width, heads, k, options), width, generator, projection(options)),
      key(width, width, generator, projection(options)),
      value(width, width, generator, projection(options)),
      output(width, width, generator, projection(options)),
      heads_(heads),
      causal_(options.causal),
      rotary_(options.rotary),
      attention_(k, {.scale = 1 / std::sqrt(static_cast<double>(width / heads)),
                     .causal = options.causal,
                     .pattern = options.pattern,
                     .method = options.method}) {}

void MultiHeadSparseAttention::check(const char* argument, const Tensor& x) const {
  check_given(multi_head_name, argument, x, "query.weight", query.weight);
  const std::int64_t width = query.inputs();
  if (x.rank() != 3 || x.extent(2) != width || x.dtype() != query.weight.dtype()) {
    fail(multi_head_name, argument, " must be ", query.weight.dtype(), " of shape (batch, positions, ", width,
         "), got ", x.dtype(), " ", x.shape());
  }
}

// (b, n, width) -> (b h, n, width / h).
Tensor MultiHeadSparseAttention::split(const Tensor& x) const {
  const std::int64_t b = x.extent(0), n = x.extent(1), d = x.extent(2) / heads_;
  return reshape(transpose(reshape(x, {b, n, heads_, d}), 1, 2), {b * heads_, n, d});
}

// The heads' queries from x and keys from y, turned to their positions if that was asked for. Keys stand at
// 0, 1, …; with n queries and m keys, the first query stands at m - n if attention is causal, else at 0.
std::pair<Tensor, Tensor> MultiHeadSparseAttention::queries_and_keys(const Tensor& x, const Tensor& y) const {
  const Tensor q = split(call("query", query, x)), k = split(call("key", key, y));
  if (!rotary_) return {q, k};
  return {rotary(q, causal_ ? y.extent(1) - x.extent(1) : 0), rotary(k)};
}

// The mask, which may be an empty handle, as it applies to the heads of queries from x and keys from y. One
// that differs within the batch is repeated for each head; any other broadcasts as it is.
Tensor MultiHeadSparseAttention::mask_of_heads(const Tensor& mask, const Tensor& x, const Tensor& y) const {
  if (!mask) return mask;
  const Shape scores{x.extent(0), x.extent(1), y.extent(1)};
  if (!broadcasts_to(mask.shape(), scores)) {
    fail(multi_head_name, "mask must broadcast to (batch, queries, keys) = ", scores, ", got ", mask.shape());
  }
  if (mask.rank() < 3 || mask.extent(0) == 1) return mask;
  const std::int64_t b = mask.extent(0), n = mask.extent(1), m = mask.extent(2);
  return reshape(broadcast_to(reshape(mask, {b, 1, n, m}), {b, heads_, n, m}), {b * heads_, n, m});
}

Tensor MultiHeadSparseAttention::attend(const Tensor& x, const Tensor& y, const Tensor& mask) const {
  const Scope scope = Scope::outermost(multi_head_name);
  const std::int64_t b = x.extent(0), n = x.extent(1), width = x.extent(2);
  const Tensor seen = mask_of_heads(mask, x, y);
  const auto [q, k] = queries_and_keys(x, y);
  const Tensor v = split(call("value", value, y));
  const Tensor heads =
      seen ? call("attention", attention_, q, k, v, seen) : call("attention", attention_, q, k, v);
  return call("output", output,
              reshape(transpose(reshape(heads, {b, heads_, n, width / heads_}), 1, 2), {b, n, width}));
}

Tensor MultiHeadSparseAttention::probabilities(const Tensor& x, const AttentionMask& options) const {
  check("x", x);
  const Scope scope = Scope::outermost(multi_head_name);
  const Tensor seen = mask_of_heads(options.mask, x, x);
  const auto [q, k] = queries_and_keys(x, x);
  const std::int64_t b = x.extent(0), n = x.extent(1);
  const Scope part("attention");
  return reshape(attention_.probabilities(q, k, seen), {b, heads_, n, n});
}

Tensor MultiHeadSparseAttention::operator()(const Tensor& x, const AttentionMask& options) const {
  check("x", x);
  return attend(x, x, options.mask);
}

Tensor MultiHeadSparseAttention::operator()(const Tensor& queries_from, const Tensor& keys_and_values_from,
                                            const AttentionMask& options) const {
  check("queries_from", queries_from);
  check("keys_and_values_from", keys_and_values_from);
  if (queries_from.extent(0) != keys_and_values_from.extent(0)) {
    fail(multi_head_name,
         "queries_from and keys_and_values_from differ in their batch sizes: ", queries_from.shape(), " and ",
         keys_and_values_from.shape());
  }
  return attend(queries_from, keys_and_values_from, options.mask);
}

void MultiHeadSparseAttention::list(Parts& parts) const {
  parts.add("query", query);
  parts.add("key", key);
  parts.add("value", value);
  parts.add("output", output);
  parts.add("attention", attention_);
}

}  // namespace taper::nn
