// The page of 18_long_copy.
#pragma once

#include "../common/training.hpp"
#include <taper/core/tensor.hpp>

#include <string>
#include <vector>

namespace example {

struct CopyReport {
  // A letter of the word that the page shows, and how the model finds it.
  struct Letter {
    std::string number, letter, answer;  // the answer is the model's
    std::int64_t source, question;       // where the letter stands, and where it is asked for
    std::int64_t via, from;  // what the question looks at most, and what that place has looked at most
  };

  std::int64_t length, block;
  taper::training::Settings settings;
  taper::training::Rows results;
  std::vector<taper::training::Stage> stages;  // of training
  std::vector<const Training*> runs;
  std::vector<Letter> letters;
  // (letters, blocks): what each question gives each block, and (letters, block): what the bar of the
  // letter's block gives each position of its block. Means over the heads.
  taper::Tensor far, near;
};

taper::training::Page page(const CopyReport& report);

}  // namespace example
