// Curves, the heads beside the pictures that they read, and which digits are taken for which.
#include "digits.hpp"

namespace example {

namespace training = taper::training;

namespace {

constexpr double map_side = 148;

// A row of maps for each layer: the picture, and beside it the heads, so that a row of a map stands in
// line with the row of pixels that is its query.
void add_maps(training::Page& page, const DigitsReport& report, const DigitsReport::Run& run) {
  for (std::size_t i = 0; i < report.pictures.size(); ++i) {
    const auto& [digit, pixels] = report.pictures[i];
    const std::int64_t side = pixels.extent(1);
    std::vector<std::string> labels;
    for (std::int64_t row = 1; row <= side; ++row) labels.push_back(std::to_string(row));
    const training::HeatMap picture{.title = "a " + std::to_string(digit),
                                    .rows = side,
                                    .columns = side,
                                    .values = pixels.to_vector(),
                                    .row_labels = labels,
                                    .column_labels = labels,
                                    .grey = true,
                                    .side = map_side};
    for (std::size_t layer = 0; layer < run.attention[i].size(); ++layer) {
      const taper::Tensor& attention = run.attention[i][layer];
      std::vector<training::HeatMap> maps = {picture};
      for (std::int64_t head = 0; head < attention.extent(1); ++head) {
        training::HeatMap map = training::attention_map(
            "layer " + std::to_string(layer + 1) + ", head " + std::to_string(head + 1), attention, 0, head,
            training::positions(0, side), training::positions(0, side), false);
        map.row_labels = map.column_labels = labels;
        map.side = map_side;
        maps.push_back(std::move(map));
      }
      page.maps(maps);
    }
  }
  page.scale(
      "Each row of a map is a row of the picture that asks, each column one that it looks at. Blank cells "
      "are exactly zero.");
}

training::Rows confusion_table(const std::vector<std::vector<int>>& confusion) {
  training::Rows rows = {{"digit"}};
  for (std::size_t i = 0; i < confusion.size(); ++i) {
    rows[0].push_back(std::to_string(i));
    rows.push_back({std::to_string(i)});
    for (int count : confusion[i]) rows.back().push_back(count == 0 ? "" : std::to_string(count));
  }
  return rows;
}

}  // namespace

training::Page page(const DigitsReport& report) {
  training::Page page(
      "Digits", "A transformer reads handwritten digits of 8 x 8 pixels row by row. Each row may look at " +
                    std::to_string(report.k) + " rows in each head.");
  page.settings(report.settings);
  page.heading("Results");
  page.table(report.results);
  page.paragraph(
      "The test pictures are a fifth of all, drawn at random once, so that the same people wrote both "
      "parts.");
  page.heading("Learning");
  add_curves(
      page, trainings_of(report.runs),
      "In training the pictures are noisy, the loss smooths its labels, and dropout is on. Faint points are "
      "single steps, the line is the mean of their neighbours.");
  for (const DigitsReport::Run& run : report.runs) {
    page.heading("What the heads look at: " + run.name);
    add_maps(page, report, run);
  }
  page.heading("What is taken for what: " + report.runs[0].name);
  page.paragraph("Each row is a digit, each column what it was taken for.");
  page.table(confusion_table(report.confusion));
  if (!report.mistakes.empty()) {
    std::vector<training::HeatMap> pictures;
    for (const DigitsReport::Mistake& mistake : report.mistakes) {
      pictures.push_back(
          {.title = std::to_string(mistake.picture.digit) + ", taken for " + std::to_string(mistake.answer),
           .rows = mistake.picture.pixels.extent(1),
           .columns = mistake.picture.pixels.extent(2),
           .values = mistake.picture.pixels.to_vector(),
           .grey = true,
           .side = 88});
    }
    page.gallery(pictures, report.mistakes.size() < report.mistake_count
                               ? "The first of " + std::to_string(report.mistake_count) + " mistakes."
                               : "All mistakes.");
  }
  add_histograms(page, trainings_of(report.runs));
  return page;
}

}  // namespace example
