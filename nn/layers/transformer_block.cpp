// TransformerBlock: initialisation and forward.
#include "transformer_block.hpp"

#include "../../ops/elementwise/add.hpp"

namespace taper::nn {
namespace {

using AnyNorm = std::variant<LayerNorm, RmsNorm>;

AnyNorm make_norm(std::int64_t width, const TransformerBlockOptions& options) {
  if (options.norm == Norm::rms) return RmsNorm(width, {.dtype = options.dtype});
  return LayerNorm(width, {.dtype = options.dtype});
}

Tensor normalised(const char* name, const AnyNorm& norm, const Tensor& x) {
  return std::visit([&](const auto& layer) { return call(name, layer, x); }, norm);
}

void add(Parts& parts, const char* name, const AnyNorm& norm) {
  std::visit([&](const Module& layer) { parts.add(name, layer); }, norm);
}

}  // namespace

TransformerBlock::TransformerBlock(std::int64_t width, std::int64_t heads, std::int64_t k,
                                   Generator& generator, const Dropout& dropout,
                                   const TransformerBlockOptions& options)
    : norm1(make_norm(width, options)),
      attention(width, heads, k, generator,
                {.causal = options.causal,
                 .pattern = options.pattern,
                 .bias = options.bias,
                 .dtype = options.dtype,
                 .rotary = options.rotary,
                 .method = options.method}),
      norm2(make_norm(width, options)),
      mlp(width, options.hidden == 0 ? 4 * width : options.hidden, generator,
          {.bias = options.bias, .dtype = options.dtype}),
      dropout(dropout) {}

TransformerBlock::TransformerBlock(std::int64_t width, std::int64_t heads, std::int64_t k,
                                   Generator& generator, const TransformerBlockOptions& options)
    : TransformerBlock(width, heads, k, generator, Dropout(options.dropout, generator), options) {}

TransformerBlock::TransformerBlock(std::int64_t width, std::int64_t heads, std::int64_t k,
                                   const TransformerBlockOptions& options)
    : TransformerBlock(width, heads, k, default_generator(), Dropout(options.dropout), options) {}

Tensor TransformerBlock::operator()(const Tensor& x, const AttentionMask& options) const {
  const Scope scope = Scope::outermost("TransformerBlock");
  const Tensor y = x + dropout(call("attention", attention, normalised("norm1", norm1, x), options));
  return y + dropout(call("mlp", mlp, normalised("norm2", norm2, y)));
}

Tensor TransformerBlock::probabilities(const Tensor& x, const AttentionMask& options) const {
  const Scope scope = Scope::outermost("TransformerBlock");
  const Tensor normal = normalised("norm1", norm1, x);
  const Scope part("attention");
  return attention.probabilities(normal, options);
}

void TransformerBlock::list(Parts& parts) const {
  add(parts, "norm1", norm1);
  parts.add("attention", attention);
  add(parts, "norm2", norm2);
  parts.add("mlp", mlp);
  parts.add("dropout", dropout);
}

}  // namespace taper::nn
