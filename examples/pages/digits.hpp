// The page of 11_digits.
#pragma once

#include "../common/training.hpp"
#include <taper/core/tensor.hpp>

#include <string>
#include <vector>

namespace example {

struct DigitsReport {
  struct Picture {
    std::int64_t digit;
    taper::Tensor pixels;  // (1, 8, 8), from 0 to 1
  };
  // A picture that the first run took for another digit.
  struct Mistake {
    Picture picture;
    std::int64_t answer;
  };
  struct Run {
    std::string name;
    const Training* training;
    std::vector<std::vector<taper::Tensor>> attention;  // by picture and layer, (1, heads, 8, 8)
  };

  std::int64_t k;
  taper::training::Settings settings;
  taper::training::Rows results;
  std::vector<Picture> pictures;  // those on which the heads are shown
  std::vector<Run> runs;
  std::vector<std::vector<int>> confusion;  // by the first run: how often the digit i was taken for j
  std::vector<Mistake> mistakes;            // the first ones
  std::size_t mistake_count = 0;            // all of them
};

taper::training::Page page(const DigitsReport& report);

}  // namespace example
