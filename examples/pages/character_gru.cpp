// Curves, what the model writes, what it expects, and what it holds in its state.
#include "character_gru.hpp"

#include <taper/ops/ops.hpp>

#include <algorithm>

namespace example {

namespace training = taper::training;
using taper::Tensor;

namespace {

constexpr std::int64_t most_characters = 20, most_units = 24;
constexpr double side = 760;

// A row for each of the characters that are expected most, a column for each that was read. What followed is
// outlined.
training::HeatMap expected(const CharacterGruReport& report) {
  const std::int64_t n = report.next.size();
  const Tensor totals = sum(report.probabilities, {0, 1});
  const taper::Indices rows = top_k(totals, std::min<std::int64_t>(most_characters, totals.size())).indices;
  const Tensor probabilities = transpose(squeeze(gather(report.probabilities, rows, 2), {0}), 0, 1);
  const Tensor values = where(probabilities < 0.01, zeros_like(probabilities), probabilities);
  training::HeatMap map{.title = "what may follow",
                        .rows = rows.size(),
                        .columns = n,
                        .values = values.to_vector(),
                        .column_labels = report.characters,
                        .side = side};
  for (std::int64_t row = 0; row < rows.size(); ++row) {
    map.row_labels.push_back(report.alphabet[static_cast<std::size_t>(rows[row])]);
    for (std::int64_t i = 0; i < n; ++i) {
      if (report.next[i] == rows[row]) map.outlined.emplace_back(row, i);
    }
  }
  return map;
}

// A row for each of the first units, a column for each character, from -1 (white) to 1 (black).
training::HeatMap held(const CharacterGruReport& report) {
  const std::int64_t units = std::min(most_units, report.states.extent(2));
  const Tensor values = transpose(squeeze(slice(report.states, 2, 0, units), {0}), 0, 1);
  training::HeatMap map{.title = "units of the state",
                        .rows = units,
                        .columns = report.next.size(),
                        .values = ((values + 1.0) / 2.0).to_vector(),
                        .column_labels = report.characters,
                        .grey = true,
                        .side = side};
  for (std::int64_t unit = 1; unit <= units; ++unit) map.row_labels.push_back(std::to_string(unit));
  return map;
}

}  // namespace

training::Page page(const CharacterGruReport& report) {
  training::Page page("Character GRU",
                      "Trained on " + report.path +
                          ", it reads one character after the other and predicts the next. All that it "
                          "knows of those before is in its state.");
  page.settings(report.settings);
  page.heading("Results");
  page.table(report.results);
  page.paragraph("Losses are in nats a character. Held out is the last tenth of the text.");
  page.heading("Learning");
  add_curves(page, {report.training});
  page.heading("It writes");
  page.preformatted(report.sample);
  page.heading("What it expects");
  page.maps({expected(report)});
  page.scale(
      "A stretch of the held-out text runs from left to right. Each column shows, after that character, how "
      "probable each next one is. Blank cells are below 1 %, and a frame marks the one that came.");
  page.heading("What it holds");
  page.maps({held(report)},
            "After each character, what the first units of the state are: from -1, white, to 1, black.");
  add_histograms(page, {report.training});
  return page;
}

}  // namespace example
