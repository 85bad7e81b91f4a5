// The page of 15_pruned_gru.
#pragma once

#include "../common/training.hpp"
#include <taper/core/tensor.hpp>

#include <string>
#include <vector>

namespace example {

struct PrunedGruReport {
  struct Run {
    std::string name;
    std::string sample;    // what the model writes
    taper::Tensor hidden;  // U, (3 width, width)
    const Training* training;
  };

  std::string path;  // of the text
  taper::training::Settings settings;
  taper::training::Rows results;
  std::vector<Run> runs = {};
};

taper::training::Page page(const PrunedGruReport& report);

}  // namespace example
