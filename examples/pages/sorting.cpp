// Charts by length, what the head looks at, and curves.
#include "sorting.hpp"

#include "../common/chart.hpp"
#include "../common/heat_map.hpp"

namespace example {
namespace {

// What each number to be written takes from the numbers read. The right one is outlined.
std::string heat_map(const std::string& name, const SortingReport::Sequence& one,
                     const taper::Tensor& attention) {
  const std::int64_t n = one.sorted.size();
  HeatMap map = attention_map(name + ": " + std::to_string(n) + " numbers", attention, 0, 0,
                              positions(n, 2 * n), positions(0, n), true);
  for (std::int64_t i = 0; i < n; ++i) {
    if (n <= 20) {
      map.row_labels.push_back(i == 0 ? "|" : std::to_string(one.sorted[i - 1]));
      map.column_labels.push_back(std::to_string(one.tokens[i]));
    }
    for (std::int64_t j = 0; j < n; ++j) {
      if (one.tokens[j] == one.sorted[i]) map.outlined.emplace_back(i, j);
    }
  }
  return svg(map, 380);
}

}  // namespace

Page page(const SortingReport& report) {
  Page page("Sorting",
            "Trained to sort up to " + std::to_string(report.longest) + " numbers, tested on up to " +
                std::to_string(report.numbers) +
                ". The number to write next is the smallest one read that exceeds the last one written.");
  page.settings(report.settings);
  page.heading("Results");
  page.table(report.results);
  Chart each{.title = "Right numbers", .x_label = "length", .series = {}, .percent = true};
  Chart whole{.title = "Sequences without a mistake", .x_label = "length", .series = {}, .percent = true};
  std::vector<std::pair<std::string, const Training*>> runs;
  for (const SortingReport::Run& run : report.runs) {
    const int colour = static_cast<int>(runs.size());
    each.series.push_back({run.name, run.lengths, run.accuracy, colour});
    whole.series.push_back({run.name, run.lengths, run.sorted, colour});
    runs.emplace_back(run.name, run.training);
  }
  page.figures({svg(each), svg(whole)}, "By the length of the sequence; training has seen none longer than " +
                                            std::to_string(report.longest) + ".");
  page.heading("What the head looks at");
  for (std::size_t i = 0; i < report.sequences.size(); ++i) {
    std::vector<std::string> maps;
    for (const SortingReport::Run& run : report.runs) {
      maps.push_back(heat_map(run.name, report.sequences[i], run.attention[i]));
    }
    page.figures(maps, "");
  }
  page.figures(
      {heat_scale()},
      "Rows are the numbers written last, from the bar on; columns are the numbers read, in their order. The "
      "number to be written next is outlined. Blank cells are exactly zero.");
  page.heading("Learning");
  page.figures(
      curves(runs),
      "Held out are sequences four times as long as the longest in training. Faint points are single steps, "
      "the line is the mean of their neighbours.");
  return page;
}

}  // namespace example
