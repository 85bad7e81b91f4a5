// Curves, what the models write, and what their heads look at.
#include "character_transformer.hpp"

#include "../common/heat_map.hpp"

namespace example {
namespace {

std::vector<std::string> heat_maps(const CharacterReport& report, const CharacterReport::Run& run) {
  std::vector<std::string> labels, maps;
  for (const std::string& character : report.characters) {
    labels.push_back(character == " " ? "␣" : character == "\n" ? "↵" : character);
  }
  const std::vector<std::int64_t> all = positions(0, static_cast<std::int64_t>(labels.size()));
  for (std::size_t layer = 0; layer < run.attention.size(); ++layer) {
    for (std::int64_t head = 0; head < run.attention[layer].extent(1); ++head) {
      HeatMap map = attention_map("layer " + std::to_string(layer + 1) + ", head " + std::to_string(head + 1),
                                  run.attention[layer], 0, head, all, all, true);
      map.row_labels = map.column_labels = labels;
      maps.push_back(svg(map, 245));
    }
  }
  maps.push_back(heat_scale());
  return maps;
}

}  // namespace

Page page(const CharacterReport& report) {
  Page page("Character transformer", "Trained on " + report.path + ", it predicts each character from the " +
                                         std::to_string(report.context) +
                                         " before. Each head of a character looks at " +
                                         std::to_string(report.k) + " of them at most.");
  page.settings(report.settings);
  page.heading("Results");
  page.table(report.results);
  page.paragraph("Losses are in nats a character. Held out is the last tenth of the text.");
  page.heading("Learning");
  page.figures(
      curves_of(report.runs),
      "In training dropout is on. Faint points are single steps, the line is the mean of their neighbours.");
  for (const CharacterReport::Run& run : report.runs) {
    page.heading("It writes: " + run.name);
    page.sample(run.sample);
  }
  for (const CharacterReport::Run& run : report.runs) {
    page.heading("What the heads look at: " + run.name);
    page.figures(
        heat_maps(report, run),
        "The beginning of the held-out text. Each row is a character that asks, each column one that it "
        "looks at; blank cells are exactly zero.");
  }
  return page;
}

}  // namespace example
