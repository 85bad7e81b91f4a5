// Curves, what the models write, and what their heads look at.
#include "character_transformer.hpp"

namespace example {

namespace training = taper::training;

namespace {

// A row of maps for each layer.
void add_maps(training::Page& page, const CharacterReport& report, const CharacterReport::Run& run) {
  const std::vector<std::int64_t> all =
      training::positions(0, static_cast<std::int64_t>(report.characters.size()));
  for (std::size_t layer = 0; layer < run.attention.size(); ++layer) {
    std::vector<training::HeatMap> maps;
    for (std::int64_t head = 0; head < run.attention[layer].extent(1); ++head) {
      training::HeatMap map =
          training::attention_map("layer " + std::to_string(layer + 1) + ", head " + std::to_string(head + 1),
                                  run.attention[layer], 0, head, all, all, true);
      map.row_labels = map.column_labels = report.characters;
      map.side = 260;
      maps.push_back(std::move(map));
    }
    page.maps(maps);
  }
}

}  // namespace

training::Page page(const CharacterReport& report) {
  training::Page page("Character transformer",
                      "Trained on " + report.path + ", it predicts each character from the " +
                          std::to_string(report.context) + " before. Each head of a character looks at " +
                          std::to_string(report.k) + " of them at most.");
  page.settings(report.settings);
  page.heading("Results");
  page.table(report.results);
  page.paragraph("Losses are in nats a character. Held out is the last tenth of the text.");
  page.heading("Learning");
  add_curves(page, trainings_of(report.runs), "In training dropout is on.");
  for (const CharacterReport::Run& run : report.runs) {
    page.heading("It writes: " + run.name);
    page.preformatted(run.sample);
  }
  for (const CharacterReport::Run& run : report.runs) {
    page.heading("What the heads look at: " + run.name);
    add_maps(page, report, run);
    page.scale(
        "The beginning of the held-out text. Each row is a character that asks, each column one that it "
        "looks at; blank cells are exactly zero.");
  }
  add_histograms(page, trainings_of(report.runs));
  return page;
}

}  // namespace example
