// The page of 12_sorting.
#pragma once

#include "../common/training.hpp"
#include <taper/core/indices.hpp>
#include <taper/core/tensor.hpp>

#include <string>
#include <vector>

namespace example {

struct SortingReport {
  // A sequence on which the head is shown.
  struct Sequence {
    taper::Indices tokens;  // (1, 2 n): n numbers to read, a bar, and those written
    taper::Indices sorted;  // (1, n)
  };
  struct Run {
    std::string name;
    const Training* training;
    std::vector<double> lengths, accuracy, sorted;  // by length: the share of right numbers and sequences
    std::vector<taper::Tensor> attention;           // on each of the sequences, (1, 1, 2 n, 2 n)
  };

  std::int64_t longest, numbers;  // the length of the longest sequence in training, and in the tests
  taper::training::Settings settings;
  taper::training::Rows results;
  std::vector<Sequence> sequences;
  std::vector<Run> runs;
};

taper::training::Page page(const SortingReport& report);

}  // namespace example
