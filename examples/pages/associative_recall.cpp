// Curves, and what the heads look at: the questions of layer 2, with the place of each answer outlined.
#include "associative_recall.hpp"

namespace example {

namespace training = taper::training;

namespace {

std::vector<training::HeatMap> heat_maps(const RecallReport& report, const RecallReport::Run& run) {
  const RecallReport::Sequence& one = report.sequence;
  const auto& [first, second] = run.attention;
  const std::int64_t heads = first.extent(1), length = first.extent(2), pairs = one.questions.size();
  const auto name = [&](std::int64_t place) {
    const std::int64_t token = one.tokens[place], half = report.vocabulary / 2;
    return token < half ? "k" + std::to_string(token) : "v" + std::to_string(token - half);
  };
  std::vector<std::int64_t> questions;
  for (std::int64_t i = 0; i < pairs; ++i) questions.push_back(one.questions[i]);

  std::vector<training::HeatMap> maps;
  for (std::int64_t head = 0; head < heads; ++head) {
    const std::vector<std::int64_t> all = training::positions(0, length);
    maps.push_back(
        training::attention_map("layer 1, head " + std::to_string(head + 1), first, 0, head, all, all, true));
  }
  for (std::int64_t head = 0; head < heads; ++head) {
    training::HeatMap map = training::attention_map("layer 2, head " + std::to_string(head + 1), second, 0,
                                                    head, questions, training::positions(0, 2 * pairs), true);
    for (std::int64_t i = 0; i < pairs; ++i) {
      map.row_labels.push_back(name(questions[static_cast<std::size_t>(i)]));
      map.outlined.emplace_back(i, one.sources[static_cast<std::size_t>(i)]);
    }
    for (std::int64_t i = 0; i < 2 * pairs; ++i) map.column_labels.push_back(name(i));
    map.side = 280;
    maps.push_back(std::move(map));
  }
  return maps;
}

}  // namespace

training::Page page(const RecallReport& report) {
  training::Page page(
      "Associative recall",
      "The model reads " + std::to_string(report.sequence.questions.size()) +
          " pairs of a key and its value, and is asked for the value of each key later in a sequence of " +
          std::to_string(report.sequence.tokens.size()) + " tokens.");
  page.settings(report.settings);
  page.heading("Results");
  page.table(report.results);
  page.paragraph(
      "Support recall is the share of questions whose true place is among the k keys to which some head of "
      "the second layer gives most.");
  page.heading("Learning");
  add_curves(
      page, trainings_of(report.runs),
      "Training begins with one pair and doubles pairs and length in stages; each new stage is harder at "
      "first. Held-out sequences are those of the whole task from the beginning.",
      report.stages);
  for (const RecallReport::Run& run : report.runs) {
    page.heading("What the heads look at: " + run.name);
    page.maps(heat_maps(report, run));
    page.scale(
        "Rows are queries, columns are keys; blank cells are exactly zero. Layer 1: all places. Layer 2: the "
        "questions and the pairs, with the place of each answer outlined.");
  }
  add_histograms(page, trainings_of(report.runs));
  return page;
}

}  // namespace example
