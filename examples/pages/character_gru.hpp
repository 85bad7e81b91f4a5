// The page of 13_character_gru.
#pragma once

#include "../common/training.hpp"
#include <taper/core/indices.hpp>
#include <taper/core/tensor.hpp>

#include <string>
#include <vector>

namespace example {

struct CharacterGruReport {
  std::string path;  // of the text
  taper::training::Settings settings;
  taper::training::Rows results;
  std::string sample;                 // what the model writes
  std::vector<std::string> alphabet;  // as labels of maps
  // On a stretch of n characters:
  std::vector<std::string> characters;
  taper::Indices next;          // what follows each, (n)
  taper::Tensor probabilities;  // of what follows, (1, n, alphabet)
  taper::Tensor states;         // after each, (1, n, width)
  const Training* training;
};

taper::training::Page page(const CharacterGruReport& report);

}  // namespace example
