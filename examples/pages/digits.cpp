// Curves, the heads beside the pictures that they read, and which digits are taken for which.
#include "digits.hpp"

#include "../common/heat_map.hpp"

namespace example {
namespace {

// A row of figures for each layer: the picture, and beside it the heads, so that a row of a map stands in
// line with the row of pixels that is its query.
void add_maps(Page& page, const DigitsReport& report, const DigitsReport::Run& run) {
  for (std::size_t i = 0; i < report.pictures.size(); ++i) {
    const auto& [digit, pixels] = report.pictures[i];
    const std::int64_t side = pixels.extent(1);
    std::vector<std::string> labels;
    for (std::int64_t row = 1; row <= side; ++row) labels.push_back(std::to_string(row));
    HeatMap picture{"a " + std::to_string(digit), side, side, pixels.to_vector(), labels, labels};
    picture.grey = true;
    for (std::size_t layer = 0; layer < run.attention[i].size(); ++layer) {
      const taper::Tensor& attention = run.attention[i][layer];
      std::vector<std::string> maps = {svg(picture, 180)};
      for (std::int64_t head = 0; head < attention.extent(1); ++head) {
        HeatMap map =
            attention_map("layer " + std::to_string(layer + 1) + ", head " + std::to_string(head + 1),
                          attention, 0, head, positions(0, side), positions(0, side), false);
        map.row_labels = map.column_labels = labels;
        maps.push_back(svg(map, 180));
      }
      page.figures(maps, "");
    }
  }
  page.figures(
      {heat_scale()},
      "Each row of a map is a row of the picture that asks, each column one that it looks at. Blank cells "
      "are exactly zero.");
}

Rows confusion_table(const std::vector<std::vector<int>>& confusion) {
  Rows rows = {{"digit"}};
  for (std::size_t i = 0; i < confusion.size(); ++i) {
    rows[0].push_back("taken for " + std::to_string(i));
    rows.push_back({std::to_string(i)});
    for (int count : confusion[i]) rows.back().push_back(count == 0 ? "" : std::to_string(count));
  }
  return rows;
}

}  // namespace

Page page(const DigitsReport& report) {
  Page page("Digits",
            "A transformer reads handwritten digits of 8 x 8 pixels row by row. Each row may look at " +
                std::to_string(report.k) + " rows in each head.");
  page.settings(report.settings);
  page.heading("Results");
  page.table(report.results);
  page.paragraph(
      "The test pictures are a fifth of all, drawn at random once, so that the same people wrote both "
      "parts.");
  page.heading("Learning");
  page.figures(
      curves_of(report.runs),
      "In training the pictures are noisy, the loss smooths its labels, and dropout is on. Faint points are "
      "single steps, the line is the mean of their neighbours.");
  for (const DigitsReport::Run& run : report.runs) {
    page.heading("What the heads look at: " + run.name);
    add_maps(page, report, run);
  }
  page.heading("What is taken for what: " + report.runs[0].name);
  page.table(confusion_table(report.confusion));
  return page;
}

}  // namespace example
