// Attention heat maps as SVG: what each query gives each key.
#pragma once

#include <taper/core/tensor.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace example {

struct HeatMap {
  std::string title;
  std::int64_t rows = 0, columns = 0;
  // rows x columns numbers from 0 to 1, row-major. Exactly 0 is left blank, and the smallest number above it
  // is not; NaN (a key that the query may not see) is grey.
  std::vector<double> values;
  std::vector<std::string> row_labels, column_labels;                // one for each, or none
  std::vector<std::pair<std::int64_t, std::int64_t>> outlined = {};  // (row, column)
  bool grey = false;                                                 // a picture in shades of grey instead
};

// What one head gives, taken from probabilities (batch, heads, n, m): a row for each of the queries and a
// column for each of the keys; both are positions. If attention is causal, a key after its query is NaN.
HeatMap attention_map(const std::string& title, const taper::Tensor& probabilities, std::int64_t example,
                      std::int64_t head, const std::vector<std::int64_t>& queries,
                      const std::vector<std::int64_t>& keys, bool causal);

// The positions first, …, last - 1.
std::vector<std::int64_t> positions(std::int64_t first, std::int64_t last);

// The map as an <svg> element, `side` pixels wide without its labels.
std::string svg(const HeatMap& map, double side = 220);

// The scale of the colours, once for all maps of a page.
std::string heat_scale();

}  // namespace example
