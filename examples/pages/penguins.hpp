// The page of 14_penguins.
#pragma once

#include "../common/training.hpp"
#include <taper/core/tensor.hpp>

#include <string>
#include <vector>

namespace example {

struct PenguinsReport {
  std::string answer;  // the column that was predicted
  taper::training::Settings settings;
  taper::training::Rows results;
  std::vector<std::string> names;  // of the answers
  taper::Tensor confusion;         // how often answer i was taken for j
  taper::training::Rows columns;   // what each column is worth
  taper::training::Rows mistakes;  // the penguins that were taken for others
  const Training* training;
};

taper::training::Page page(const PenguinsReport& report);

}  // namespace example
