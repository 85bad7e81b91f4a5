// Heat maps: what each query of attention gives each key, a table of shares, a small picture.
#pragma once

#include "../../core/tensor.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace taper::training {

struct HeatMap {
  std::string title;
  std::int64_t rows = 0, columns = 0;
  // rows x columns numbers from 0 to 1, row-major. Exactly 0 is left blank, and the smallest number above it
  // is not; NaN (a key that the query may not see) is grey.
  std::vector<double> values;
  std::vector<std::string> row_labels = {}, column_labels = {};      // one for each, or none
  std::vector<std::pair<std::int64_t, std::int64_t>> outlined = {};  // (row, column)
  bool grey = false;                                                 // a picture in shades of grey instead
  double side = 220;  // how wide the map is, without its labels, in CSS pixels
};

// What one head gives, taken from probabilities (batch, heads, n, m): a row for each of the queries and a
// column for each of the keys; both are positions. If attention is causal, a key after its query is NaN.
// Throws unless the tensor has four axes and all positions are on them.
HeatMap attention_map(const std::string& title, const Tensor& probabilities, std::int64_t example,
                      std::int64_t head, const std::vector<std::int64_t>& queries,
                      const std::vector<std::int64_t>& keys, bool causal);

// The positions first, …, last - 1.
std::vector<std::int64_t> positions(std::int64_t first, std::int64_t last);

}  // namespace taper::training
