// The page of 16_label_proportions.
#pragma once

#include "../common/training.hpp"
#include <taper/core/tensor.hpp>

#include <string>
#include <utility>
#include <vector>

namespace example {

struct ProportionsReport {
  // What one loss reaches on the test documents, by their length.
  struct Curve {
    std::string loss;
    std::vector<double> jensen_shannon, squared;
    std::vector<double>
        exact;  // the share of documents whose labels are exactly those with a proportion above 0
  };
  // A test document: the true proportions, and those that the models see, by name.
  struct Document {
    std::vector<std::pair<std::string, taper::Tensor>> rows;
  };
  struct Run {
    std::string name;
    const Training* training;
    std::vector<Curve> curves;
    std::vector<Document> documents;  // may be none
  };

  taper::training::Settings settings;
  std::vector<double> lengths;
  std::vector<Run> runs;
};

// The figures of a run: a line for each measure and loss, a column for each length.
taper::training::Rows table_of(const ProportionsReport& report, const ProportionsReport::Run& run);
taper::training::Page page(const ProportionsReport& report);

}  // namespace example
