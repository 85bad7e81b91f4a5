// A GRU that reads one character after the other and predicts the next: the model of 13_character_gru and 15_pruned_gru.
#pragma once

#include "text.hpp"
#include "training.hpp"
#include <taper/taper.hpp>

namespace example {

struct CharacterGruOptions {
  std::int64_t embedding = 32, width = 128;
  double dropout = 0.3;
};

struct CharacterGru : taper::nn::Module {
  taper::nn::Embedding symbols;
  taper::nn::Gru gru;
  taper::nn::Linear logits;
  taper::nn::Dropout dropout;

  CharacterGru(std::int64_t alphabet, const CharacterGruOptions& options, taper::Generator& generator);
  void list(taper::nn::Parts& parts) const override;

  // The state after each character: tokens (batch, n) -> (batch, n, width).
  taper::Tensor states(const taper::Indices& tokens) const;
  // The logits of the next character: (batch, n, alphabet).
  taper::Tensor operator()(const taper::Indices& tokens) const;
};

// Loss and accuracy, without dropout.
Measure measure(const CharacterGru& model, const Stretches& stretches);

// Draws `length` characters, one after the other, behind the first.
Characters write(const CharacterGru& model, std::int64_t first, int length, taper::Generator generator);

}  // namespace example
