// The page of 10_character_transformer.
#pragma once

#include "../common/training.hpp"
#include <taper/core/tensor.hpp>

#include <string>
#include <vector>

namespace example {

struct CharacterReport {
  struct Run {
    std::string name;
    const Training* training;
    std::string sample;                    // what the model writes
    std::vector<taper::Tensor> attention;  // of each layer on `characters`, (1, heads, n, n)
  };

  std::string path;         // of the text
  std::int64_t context, k;  // how many characters the model sees, and how many of them a head looks at
  taper::training::Settings settings;
  taper::training::Rows results;
  std::vector<std::string> characters;  // those on which the heads are shown
  std::vector<Run> runs;
};

taper::training::Page page(const CharacterReport& report);

}  // namespace example
