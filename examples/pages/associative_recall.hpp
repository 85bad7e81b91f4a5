// The page of 09_associative_recall.
#pragma once

#include "../common/training.hpp"
#include <taper/core/indices.hpp>
#include <taper/core/tensor.hpp>

#include <string>
#include <utility>
#include <vector>

namespace example {

struct RecallReport {
  // The sequence on which the heads are shown.
  struct Sequence {
    taper::Indices tokens;              // (1, length); values come from the upper half of the vocabulary
    taper::Indices questions;           // where the keys are asked for
    std::vector<std::int64_t> sources;  // where the value of each stands
  };
  struct Run {
    std::string name;
    const Training* training;
    std::pair<taper::Tensor, taper::Tensor> attention;  // of the two layers, (1, heads, length, length)
  };

  std::int64_t vocabulary;
  taper::training::Settings settings;
  taper::training::Rows results;
  Sequence sequence;
  std::vector<taper::training::Stage> stages;  // of training
  std::vector<Run> runs;
};

taper::training::Page page(const RecallReport& report);

}  // namespace example
