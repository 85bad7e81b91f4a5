// The character transformer that the programs here train.
#pragma once

#include <taper/taper.hpp>

#include <cstdint>

namespace bench {

struct Sizes {
  std::int64_t context = 0, batch = 0, heads = 0, layers = 0, k = 0;
};

struct CharacterModel : taper::nn::Module {
  taper::nn::Embedding symbols;
  taper::nn::LearnedPositions positions;
  taper::nn::Sequential blocks;
  taper::nn::LayerNorm norm;
  taper::nn::Linear logits;

  CharacterModel(std::int64_t alphabet, std::int64_t width, const Sizes& sizes, taper::Generator& generator)
      : symbols(alphabet, width, generator),
        positions(sizes.context, width, generator),
        norm(width),
        logits(width, alphabet, generator) {
    for (std::int64_t i = 0; i < sizes.layers; ++i) {
      blocks.add(taper::nn::TransformerBlock(width, sizes.heads, sizes.k, generator, {.causal = true}));
    }
  }

  void list(taper::nn::Parts& parts) const override {
    parts.add("symbols", symbols), parts.add("positions", positions), parts.add("blocks", blocks);
    parts.add("norm", norm), parts.add("logits", logits);
  }

  taper::Tensor operator()(const taper::Indices& tokens) const {
    return logits(norm(blocks(positions(symbols(tokens)))));
  }
};

}  // namespace bench
