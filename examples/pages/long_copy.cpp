// Curves, the two hops of the letters of one word, and what was looked at in each.
#include "long_copy.hpp"

#include <algorithm>

namespace example {

namespace training = taper::training;

namespace {

constexpr std::size_t drawn_letters = 8;  // as many as there are colours

// The way of some letters, from left to right and upwards: where they stand, what takes them over, and who asks.
training::Chart hops(const CopyReport& report) {
  training::Chart chart{.title = "Layers passed", .x_label = "position", .series = {}};
  const std::size_t count = std::min(drawn_letters, report.letters.size());
  for (std::size_t i = 0; i < count; ++i) {
    const CopyReport::Letter& letter = report.letters[i * report.letters.size() / count];
    if (letter.from >= letter.via || letter.via >= letter.question) continue;  // the model looked elsewhere
    chart.series.push_back({letter.number + " " + letter.letter,
                            {static_cast<double>(letter.from), static_cast<double>(letter.via),
                             static_cast<double>(letter.question)},
                            {0, 1, 2}});
  }
  return chart;
}

training::HeatMap map_of(const CopyReport& report, const std::string& title, const taper::Tensor& shares) {
  training::HeatMap map{.title = title,
                        .rows = shares.extent(0),
                        .columns = shares.extent(1),
                        .values = shares.to_vector(),
                        .side = 640};
  for (const CopyReport::Letter& letter : report.letters)
    map.row_labels.push_back(letter.number + " " + letter.letter);
  return map;
}

}  // namespace

training::Page page(const CopyReport& report) {
  const std::string block = std::to_string(report.block);
  training::Page page("Long copy", "x");
  page.settings(report.settings);
  page.heading("Results");
  page.table(report.results);
  page.heading("Learning");
  add_curves(page, report.runs, "x", report.stages);
  page.charts({hops(report)}, "x");
  training::HeatMap far = map_of(report, "layer 2", report.far),
                    near = map_of(report, "layer 1", report.near);
  for (std::size_t i = 0; i < report.letters.size(); ++i) {
    const CopyReport::Letter& letter = report.letters[i];
    const auto row = static_cast<std::int64_t>(i);
    far.outlined.emplace_back(row, letter.source / report.block);
    near.outlined.emplace_back(row, letter.source % report.block);
  }
  page.maps({far});
  page.maps({near});
  page.scale("x");
  add_histograms(page, report.runs);
  return page;
}

}  // namespace example
