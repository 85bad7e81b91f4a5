// The page of 11_digits.
#pragma once

#include "../common/page.hpp"
#include "../common/training.hpp"
#include <taper/core/tensor.hpp>

#include <string>
#include <vector>

namespace example {

struct DigitsReport {
  // A picture on which the heads are shown.
  struct Picture {
    std::int64_t digit;
    taper::Tensor pixels;  // (1, 8, 8), from 0 to 1
  };
  struct Run {
    std::string name;
    const Training* training;
    std::vector<std::vector<taper::Tensor>> attention;  // by picture and layer, (1, heads, 8, 8)
  };

  std::int64_t k;
  Settings settings;
  Rows results;
  std::vector<Picture> pictures;
  std::vector<Run> runs;
  std::vector<std::vector<int>> confusion;  // by the first run: how often the digit i was taken for j
};

Page page(const DigitsReport& report);

}  // namespace example
