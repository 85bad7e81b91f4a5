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
  // A picture that was taken for another digit.
  struct Mistake {
    Picture picture;
    std::int64_t answer;
  };
  // What a network makes of a picture: one of these, by its kind.
  struct View {
    std::vector<taper::Tensor> attention = {};  // what each row gives each, in each layer, (1, heads, 8, 8)
    taper::Tensor found = {};    // what the filters of the first layer find, (1, filters, 8, 8)
    taper::Tensor answers = {};  // the probability of each digit after each row, (1, 8, 10)
  };
  struct Run {
    std::string name;
    const Training* training;
    std::vector<View> views;        // of the pictures
    taper::Tensor confusion;        // how often the digit i was taken for j
    std::vector<Mistake> mistakes;  // the first ones
    std::size_t mistake_count = 0;  // all of them
  };

  std::int64_t k;
  taper::training::Settings settings;
  taper::training::Rows results;
  std::vector<Picture> pictures;  // those of which the views are
  std::vector<Run> runs;
};

taper::training::Page page(const DigitsReport& report);

}  // namespace example
