// Curves, what each network makes of two pictures, and which digits are taken for which.
#include "digits.hpp"

#include <taper/ops/ops.hpp>

#include <algorithm>

namespace example {

namespace training = taper::training;

namespace {

constexpr double map_side = 148, reading_side = 110, small_side = 88;

constexpr const char* heads_caption =
    "Each row of a map is a row of the picture that asks, each column one that it looks at. Blank cells are "
    "exactly zero.";
constexpr const char* filters_caption =
    "The darker, the better the filter fits there; blank cells are exactly zero.";
constexpr const char* answers_caption =
    "The probability of each digit, if the picture ended with that row. Blank cells are below 1 %, and the "
    "frame "
    "marks the right one.";

std::vector<std::string> numbers(std::int64_t first, std::int64_t last) {
  std::vector<std::string> labels;
  for (std::int64_t i = first; i <= last; ++i) labels.push_back(std::to_string(i));
  return labels;
}

training::HeatMap map_of(const DigitsReport::Picture& picture, const std::string& title, double side) {
  return {.title = title,
          .rows = picture.pixels.extent(1),
          .columns = picture.pixels.extent(2),
          .values = picture.pixels.to_vector(),
          .grey = true,
          .side = side};
}

// The picture, and beside it the heads of a layer, so that a row of a map stands in line with the row of
// pixels that is its query.
std::vector<training::HeatMap> heads(training::HeatMap picture, const taper::Tensor& attention,
                                     std::size_t layer) {
  const std::int64_t side = picture.rows;
  picture.row_labels = picture.column_labels = numbers(1, side);
  std::vector<training::HeatMap> maps = {picture};
  for (std::int64_t head = 0; head < attention.extent(1); ++head) {
    maps.push_back(training::attention_map(
        "layer " + std::to_string(layer + 1) + ", head " + std::to_string(head + 1), attention, 0, head,
        training::positions(0, side), training::positions(0, side), false));
    maps.back().row_labels = maps.back().column_labels = picture.row_labels;
    maps.back().side = map_side;
  }
  return maps;
}

// The picture, and what the first filters find in it: 1 is the most that one of them finds.
std::vector<training::HeatMap> filters(const training::HeatMap& picture, const taper::Tensor& found) {
  std::vector<training::HeatMap> maps = {picture};
  const taper::Tensor shares = found / max(found);
  for (std::int64_t filter = 0; filter < std::min<std::int64_t>(10, found.extent(1)); ++filter) {
    maps.push_back({.title = "filter " + std::to_string(filter + 1),
                    .rows = picture.rows,
                    .columns = picture.columns,
                    .values = slice(shares, 1, filter, filter + 1).to_vector(),
                    .side = small_side});
  }
  return maps;
}

// The picture, and beside each of its rows what the answer would be after it.
std::vector<training::HeatMap> answers(training::HeatMap picture, const DigitsReport::Picture& shown,
                                       const taper::Tensor& answers) {
  picture.row_labels = numbers(1, picture.rows);
  training::HeatMap map{.title = "the answer after each row",
                        .rows = answers.extent(1),
                        .columns = answers.extent(2),
                        .values = where(answers < 0.01, zeros_like(answers), answers).to_vector(),
                        .row_labels = picture.row_labels,
                        .column_labels = numbers(0, answers.extent(2) - 1),
                        .side = reading_side * 10 / 8};
  for (std::int64_t row = 0; row < map.rows; ++row) map.outlined.emplace_back(row, shown.digit);
  return {picture, map};
}

void add_views(training::Page& page, const DigitsReport& report, const DigitsReport::Run& run) {
  if (run.views.empty()) return;
  const DigitsReport::View& kind = run.views[0];
  page.heading((kind.found     ? "What the filters find: "
                : kind.answers ? "While it reads: "
                               : "What the heads look at: ") +
               run.name);
  for (std::size_t i = 0; i < report.pictures.size(); ++i) {
    const DigitsReport::Picture& shown = report.pictures[i];
    const DigitsReport::View& view = run.views[i];
    const std::string title = "a " + std::to_string(shown.digit);
    for (std::size_t layer = 0; layer < view.attention.size(); ++layer) {
      page.maps(heads(map_of(shown, title, map_side), view.attention[layer], layer));
    }
    if (view.found) page.gallery(filters(map_of(shown, title, small_side), view.found));
    if (view.answers) page.maps(answers(map_of(shown, title, reading_side), shown, view.answers));
  }
  page.scale(kind.found ? filters_caption : kind.answers ? answers_caption : heads_caption);
}

void add_mistakes(training::Page& page, const DigitsReport::Run& run) {
  page.heading("What is taken for what: " + run.name);
  std::vector<std::string> digits;
  for (std::int64_t digit = 0; digit < run.confusion.extent(0); ++digit)
    digits.push_back(std::to_string(digit));
  add_confusion(page, "digit", digits, run.confusion);
  if (run.mistakes.empty()) return;
  std::vector<training::HeatMap> pictures;
  for (const DigitsReport::Mistake& mistake : run.mistakes) {
    pictures.push_back(map_of(
        mistake.picture,
        std::to_string(mistake.picture.digit) + ", taken for " + std::to_string(mistake.answer), small_side));
  }
  page.gallery(pictures, run.mistakes.size() < run.mistake_count
                             ? "The first of " + std::to_string(run.mistake_count) + " mistakes."
                             : "All mistakes.");
}

}  // namespace

training::Page page(const DigitsReport& report) {
  training::Page page("Digits",
                      "Three networks read handwritten digits of 8 x 8 pixels: a transformer, in which each "
                      "row of a picture may look "
                      "at " +
                          std::to_string(report.k) +
                          " rows in each head; a convolutional network; and a GRU, which reads the rows "
                          "one after the other.");
  page.settings(report.settings);
  page.heading("Results");
  page.table(report.results);
  page.paragraph(
      "The test pictures are a fifth of all, drawn at random once, so that the same people wrote both "
      "parts.");
  page.heading("Learning");
  add_curves(page, trainings_of(report.runs),
             "In training the pictures are noisy, the loss smooths its labels, and dropout is on.");
  for (const DigitsReport::Run& run : report.runs) add_views(page, report, run);
  for (const DigitsReport::Run& run : report.runs) add_mistakes(page, run);
  add_histograms(page, trainings_of(report.runs));
  return page;
}

}  // namespace example
