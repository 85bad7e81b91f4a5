// Charts by length, what the head looks at, and curves.
#include "sorting.hpp"

namespace example {

namespace training = taper::training;

namespace {

// What each number to be written takes from the numbers read. The right one is outlined.
training::HeatMap heat_map(const std::string& name, const SortingReport::Sequence& one,
                           const taper::Tensor& attention) {
  const std::int64_t n = one.sorted.size();
  training::HeatMap map =
      training::attention_map(name + ": " + std::to_string(n) + " numbers", attention, 0, 0,
                              training::positions(n, 2 * n), training::positions(0, n), true);
  map.side = 380;
  for (std::int64_t i = 0; i < n; ++i) {
    if (n <= 20) {
      map.row_labels.push_back(i == 0 ? "|" : std::to_string(one.sorted[i - 1]));
      map.column_labels.push_back(std::to_string(one.tokens[i]));
    }
    for (std::int64_t j = 0; j < n; ++j) {
      if (one.tokens[j] == one.sorted[i]) map.outlined.emplace_back(i, j);
    }
  }
  return map;
}

}  // namespace

training::Page page(const SortingReport& report) {
  training::Page page(
      "Sorting",
      "Trained to sort up to " + std::to_string(report.longest) + " numbers, tested on up to " +
          std::to_string(report.numbers) +
          ". The number to write next is the smallest one read that exceeds the last one written.");
  page.settings(report.settings);
  page.heading("Results");
  page.table(report.results);
  training::Chart each{.title = "Right numbers", .x_label = "length", .series = {}, .percent = true};
  training::Chart whole{
      .title = "Sequences without a mistake", .x_label = "length", .series = {}, .percent = true};
  for (const SortingReport::Run& run : report.runs) {
    each.series.push_back({run.name, run.lengths, run.accuracy});
    whole.series.push_back({run.name, run.lengths, run.sorted});
  }
  page.charts({each, whole}, "By the length of the sequence; training has seen none longer than " +
                                 std::to_string(report.longest) + ".");
  page.heading("What the head looks at");
  for (std::size_t i = 0; i < report.sequences.size(); ++i) {
    std::vector<training::HeatMap> maps;
    for (const SortingReport::Run& run : report.runs) {
      maps.push_back(heat_map(run.name, report.sequences[i], run.attention[i]));
    }
    page.maps(maps);
  }
  page.scale(
      "Rows are the numbers written last, from the bar on; columns are the numbers read, in their order. The "
      "number to be written next is outlined. Blank cells are exactly zero.");
  page.heading("Learning");
  add_curves(page, trainings_of(report.runs),
             "Held out are sequences four times as long as the longest in training.");
  add_histograms(page, trainings_of(report.runs));
  return page;
}

}  // namespace example
