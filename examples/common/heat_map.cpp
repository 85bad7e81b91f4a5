// Attention heat maps: all cells of one shade are one path, and neighbours in a row are one piece of it, so
// that a map of 64 x 64 stays small.
#include "heat_map.hpp"

#include "markup.hpp"
#include "text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace example {
namespace {

constexpr int levels = 12;  // shades in page.cpp's style sheet, h1 to h12
constexpr double letter = 7.5, line_height = 12;

// 0 for exactly 0, otherwise 1 to `levels`.
int level_of(double value) {
  return value == 0 ? 0 : std::clamp(static_cast<int>(std::ceil(value * levels)), 1, levels);
}

std::size_t longest(const std::vector<std::string>& labels) {
  std::size_t most = 0;
  for (const std::string& label : labels) most = std::max(most, character_count(label));
  return most;
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
  std::string out = element(shades[unseen], "unseen");
  for (std::size_t level = 1; level <= levels; ++level) {
    out += element(shades[level], (map.grey ? "g" : "h") + std::to_string(level));
  }
  return out + element(outlined, "outlined");
}

}  // namespace

std::vector<std::int64_t> positions(std::int64_t first, std::int64_t last) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(std::max<std::int64_t>(0, last - first)));
  std::iota(all.begin(), all.end(), first);
  return all;
}

HeatMap attention_map(const std::string& title, const taper::Tensor& probabilities, std::int64_t example,
                      std::int64_t head, const std::vector<std::int64_t>& queries,
                      const std::vector<std::int64_t>& keys, bool causal) {
  HeatMap map{
      title, static_cast<std::int64_t>(queries.size()), static_cast<std::int64_t>(keys.size()), {}, {}, {}};
  const std::int64_t heads = probabilities.extent(1), n = probabilities.extent(2),
                     m = probabilities.extent(3);
  const taper::Tensor host = probabilities.detach().to(taper::Device::cpu());
  const float* matrix = host.data<float>() + (example * heads + head) * n * m;
  for (std::int64_t query : queries) {
    for (std::int64_t key : keys) {
      const bool seen = !causal || key <= query + m - n;
      map.values.push_back(seen ? static_cast<double>(matrix[query * m + key])
                                : std::numeric_limits<double>::quiet_NaN());
    }
  }
  return map;
}

std::string svg(const HeatMap& map, double side) {
  const double rows = static_cast<double>(map.rows), columns = static_cast<double>(map.columns);
  const double size = side / columns;
  // The room for labels: beside the rows as wide as the longest one; above the columns labels that are too
  // wide stand upright.
  const double left = map.row_labels.empty() ? 1 : 8 + letter * static_cast<double>(longest(map.row_labels));
  const bool upright = letter * static_cast<double>(longest(map.column_labels)) > size;
  const double above =
      map.column_labels.empty()
          ? 0
          : 6 + (upright ? letter * static_cast<double>(longest(map.column_labels)) : line_height);
  const double top = (map.title.empty() ? 1 : 20) + above;
  const double width = left + side + 1, height = top + rows * size + 1;
  const auto text = [](const std::string& attributes, const std::string& what) {
    return "<text " + attributes + ">" + escaped(what) + "</text>\n";
  };
  const auto at = [](double x, double y) {
    return "x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\"";
  };

  std::string out = "<svg class=\"heat\" width=\"" + coordinate(width) + "\" viewBox=\"0 0 " +
                    coordinate(width) + " " + coordinate(height) + "\" role=\"img\" aria-label=\"" +
                    escaped(map.title) + "\">\n";
  if (!map.title.empty()) out += text("class=\"label\" " + at(left, 13), map.title);
  for (std::size_t i = 0; i < map.row_labels.size(); ++i) {
    out += text("class=\"token end\" " + at(left - 5, top + (static_cast<double>(i) + 0.5) * size + 3.5),
                map.row_labels[i]);
  }
  for (std::size_t i = 0; i < map.column_labels.size(); ++i) {
    const double x = left + (static_cast<double>(i) + 0.5) * size, y = top - 5;
    out += upright ? text("class=\"token\" transform=\"translate(" + coordinate(x + 3.5) + " " +
                              coordinate(y) + ") rotate(-90)\"",
                          map.column_labels[i])
                   : text("class=\"token middle\" " + at(x, y), map.column_labels[i]);
  }
  out += "<rect class=\"panel\" " + at(left, top) + " width=\"" + coordinate(side) + "\" height=\"" +
         coordinate(rows * size) + "\"/>\n";
  out += "<g transform=\"translate(" + coordinate(left) + " " + coordinate(top) + ") scale(" +
         std::to_string(size) + ")\">\n" + cells(map) + "</g>\n";
  return out + "</svg>\n";
}

std::string heat_scale() {
  constexpr double size = 18, step = levels * size;
  std::string out =
      "<svg class=\"heat\" width=\"330\" viewBox=\"0 0 330 40\" role=\"img\" "
      "aria-label=\"scale of the colours\">\n";
  const auto label = [](double x, const char* what) {
    return "<text class=\"tick middle\" x=\"" + coordinate(x) + "\" y=\"34\">" + what + "</text>\n";
  };
  out += "<rect class=\"panel\" x=\"1\" y=\"1\" width=\"18\" height=\"18\"/>\n" + label(10, "0");
  for (int level = 1; level <= levels; ++level) {
    out += "<rect class=\"h" + std::to_string(level) + "\" x=\"" + coordinate(30 + (level - 1) * size) +
           "\" y=\"1\" width=\"18\" height=\"18\"/>\n";
  }
  out += label(30, "&gt; 0") + label(30 + step / 2, "0.5") + label(30 + step, "1");
  out += "<rect class=\"unseen\" x=\"" + coordinate(52 + step) + "\" y=\"1\" width=\"18\" height=\"18\"/>\n";
  return out + label(61 + step, "unseen") + "</svg>\n";
}

}  // namespace example
