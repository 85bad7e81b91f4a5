// All cells of one shade are one path, and neighbours in a row are one piece of it, so that a map of 64 x 64
// stays small.
#include "heat_map.hpp"

#include "../../core/fail.hpp"
#include "../../core/io/utf8.hpp"
#include "../html.hpp"
#include "json.hpp"
#include "page_part.hpp"
#include "svg.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace taper::training {

std::vector<std::int64_t> positions(std::int64_t first, std::int64_t last) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(std::max<std::int64_t>(0, last - first)));
  std::iota(all.begin(), all.end(), first);
  return all;
}

HeatMap attention_map(const std::string& title, const Tensor& probabilities, std::int64_t example,
                      std::int64_t head, const std::vector<std::int64_t>& queries,
                      const std::vector<std::int64_t>& keys, bool causal) {
  if (probabilities.rank() != 4) {
    fail("attention_map", "wanted probabilities (batch, heads, n, m), got shape ", probabilities.shape());
  }
  const auto check = [&](const char* what, std::int64_t index, int axis) {
    if (index < 0 || index >= probabilities.extent(axis)) {
      fail("attention_map", what, " ", index, " is not among the ", probabilities.extent(axis), " of shape ",
           probabilities.shape());
    }
  };
  check("example", example, 0), check("head", head, 1);
  for (std::int64_t query : queries) check("query", query, 2);
  for (std::int64_t key : keys) check("key", key, 3);

  HeatMap map{.title = title,
              .rows = static_cast<std::int64_t>(queries.size()),
              .columns = static_cast<std::int64_t>(keys.size()),
              .values = {}};
  const std::int64_t heads = probabilities.extent(1), n = probabilities.extent(2),
                     m = probabilities.extent(3);
  const std::vector<double> all = probabilities.to_vector();
  const double* matrix = all.data() + (example * heads + head) * n * m;
  for (std::int64_t query : queries) {
    for (std::int64_t key : keys) {
      const bool seen = !causal || key <= query + m - n;
      map.values.push_back(seen ? matrix[query * m + key] : std::numeric_limits<double>::quiet_NaN());
    }
  }
  return map;
}

}  // namespace taper::training

namespace taper::internal {
namespace {

using training::HeatMap;

constexpr int levels = 12;      // shades in map.css, h1 to h12
constexpr double letter = 7.5;  // the width of a label's letter, about

// 0 for exactly 0, otherwise 1 to `levels`.
int level_of(double value) {
  return value == 0 ? 0 : std::clamp(static_cast<int>(std::ceil(std::min(value, 1.0) * levels)), 1, levels);
}

std::size_t longest(const std::vector<std::string>& labels) {
  std::size_t most = 0;
  for (const std::string& label : labels) most = std::max(most, character_count(label));
  return most;
}

void check(const HeatMap& map) {
  const auto reject = [&](const auto&... why) { fail("HeatMap", map.title, ": ", why...); };
  if (map.rows < 0 || map.columns < 0 ||
      map.values.size() != static_cast<std::size_t>(map.rows * map.columns)) {
    reject(map.values.size(), " values for ", map.rows, " rows and ", map.columns, " columns");
  }
  const auto check_labels = [&](const char* what, const std::vector<std::string>& labels,
                                std::int64_t count) {
    if (!labels.empty() && labels.size() != static_cast<std::size_t>(count))
      reject(labels.size(), " labels for ", count, " ", what);
  };
  check_labels("rows", map.row_labels, map.rows), check_labels("columns", map.column_labels, map.columns);
  for (const auto& [row, column] : map.outlined) {
    if (row < 0 || row >= map.rows || column < 0 || column >= map.columns)
      reject("the outlined cell (", row, ", ", column, ") is not one of its ", map.rows, " x ", map.columns);
  }
  if (!(map.side > 0)) reject("is ", map.side, " wide");
}

// A run of cells in one row, as a piece of a path.
std::string run(std::int64_t row, std::int64_t column, std::int64_t length) {
  const std::string along = std::to_string(length);
  return "M" + std::to_string(column) + " " + std::to_string(row) + "h" + along + "v1h-" + along + "z";
}

std::string cells(const HeatMap& map) {
  constexpr int unseen = levels + 1;
  std::array<std::string, levels + 2> shades;
  std::string outlined;
  const auto shade = [&](std::int64_t row, std::int64_t column) {
    const double value = map.values[static_cast<std::size_t>(row * map.columns + column)];
    return std::isnan(value) ? unseen : level_of(value);
  };
  for (std::int64_t row = 0; row < map.rows; ++row) {
    for (std::int64_t first = 0, last = 0; first < map.columns; first = last) {
      const int level = shade(row, first);
      while (last < map.columns && shade(row, last) == level) ++last;
      shades[static_cast<std::size_t>(level)] += run(row, first, last - first);
    }
  }
  for (const auto& [row, column] : map.outlined) outlined += run(row, column, 1);
  std::string out = path_element(shades[unseen], "unseen");
  for (std::size_t level = 1; level <= levels; ++level) {
    out += path_element(shades[level], (map.grey ? "g" : "h") + std::to_string(level));
  }
  return out + path_element(outlined, "outlined");
}

std::string spans(const std::string& classes, const std::vector<std::string>& labels) {
  std::string out;
  for (const std::string& label : labels) out += "<span>" + escaped(label) + "</span>";
  return "<div class=\"" + classes + "\" aria-hidden=\"true\">" + out + "</div>\n";
}

std::string json_texts(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ",") + json_text(text);
  return "[" + out + "]";
}

}  // namespace

PagePart heat_map_part(const HeatMap& map) {
  check(map);
  const std::string rows = std::to_string(map.rows), columns = std::to_string(map.columns);
  // Labels of columns that are too wide for their cell stand upright.
  const bool upright = letter * static_cast<double>(longest(map.column_labels)) >
                       map.side / static_cast<double>(std::max<std::int64_t>(1, map.columns));
  std::string html = "<div class=\"layout\" style=\"--side:" + coordinate(map.side) + "px;--rows:" + rows +
                     ";--columns:" + columns + "\">\n<p class=\"map-title\">" + escaped(map.title) + "</p>\n";
  if (!map.column_labels.empty()) html += spans(upright ? "over upright" : "over", map.column_labels);
  if (!map.row_labels.empty()) html += spans("beside", map.row_labels);
  html += "<div class=\"cells\" role=\"img\" aria-label=\"" + escaped(map.title.empty() ? "map" : map.title) +
          ", " + rows + " rows and " + columns + " columns\"><svg viewBox=\"0 0 " + columns + " " + rows +
          "\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\n" + cells(map) + "</svg></div>\n</div>\n";
  return {html, "{\"title\":" + json_text(map.title) + ",\"rows\":" + rows + ",\"columns\":" + columns +
                    ",\"values\":" + json_numbers(map.values) + ",\"rowLabels\":" +
                    json_texts(map.row_labels) + ",\"columnLabels\":" + json_texts(map.column_labels) + "}"};
}

std::string heat_scale() {
  std::string steps;
  for (int level = 1; level <= levels; ++level) {
    steps += "<rect class=\"h" + std::to_string(level) + "\" x=\"" + std::to_string(level - 1) +
             "\" width=\"1\" height=\"1\"/>";
  }
  return "<div class=\"scale\" role=\"img\" aria-label=\"scale of the colours: blank is 0, then from light "
         "to "
         "dark up to 1; grey is unseen\"><span class=\"blank\">0</span><span class=\"steps\"><svg "
         "viewBox=\"0 0 " +
         std::to_string(levels) + " 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\">" + steps +
         "</svg><i>&gt; 0</i><i>0.5</i><i>1</i></span><span class=\"grey\">unseen</span></div>\n";
}

}  // namespace taper::internal
