// Curves, what each model writes, and which of its weights are left.
#include "pruned_gru.hpp"

#include <taper/ops/ops.hpp>

#include <algorithm>

namespace example {

namespace training = taper::training;
using taper::Tensor;

namespace {

constexpr std::int64_t most_units = 64;

// The corner of the candidate's weights, which has the first units: how large each is, 1 for the largest.
training::HeatMap left_over(const PrunedGruReport::Run& run) {
  const std::int64_t width = run.hidden.extent(1), units = std::min(most_units, width);
  const Tensor candidate = slice(run.hidden, 0, 2 * width, 2 * width + units);
  const Tensor sizes = abs(slice(candidate, 1, 0, units));
  training::HeatMap map{
      .title = run.name, .rows = units, .columns = units, .values = sizes.to_vector(), .side = 300};
  const double largest = *std::max_element(map.values.begin(), map.values.end());
  for (double& value : map.values) value = largest == 0 ? 0 : value / largest;
  return map;
}

}  // namespace

training::Page page(const PrunedGruReport& report) {
  training::Page page(
      "Pruned character GRU",
      "Trained on " + report.path +
          ", each model reads one character after the other and predicts the next. All but the "
          "dense one lose most of their weights meanwhile.");
  page.settings(report.settings);
  page.heading("Results");
  page.table(report.results);
  page.paragraph(
      "A model that is pruned at 90 % loses its weights below a threshold that grows until 90 % of the dense "
      "model's are smaller. Zeros are the share of the weights of the GRU and of the last layer that it "
      "lost. "
      "Losses are in nats a character; held out is the last tenth of the text. The time of a character is "
      "that "
      "of writing, by compressed rows if it is pruned.");
  page.heading("Learning");
  std::vector<const Training*> trainings = trainings_of(report.runs);
  add_curves(page, trainings, "Pruning begins after 5 % of the steps, and ends after half of them.");
  page.heading("They write");
  for (const PrunedGruReport::Run& run : report.runs) {
    page.paragraph(run.name + ":");
    page.preformatted(run.sample);
  }
  page.heading("What is left");
  std::vector<training::HeatMap> maps;
  for (const PrunedGruReport::Run& run : report.runs) maps.push_back(left_over(run));
  page.gallery(maps);
  page.scale(
      "Weights from the first units of the state, columns, to those of the candidate for the next state, "
      "rows: "
      "how large each is, beside the largest. Blank cells are exactly 0.");
  add_histograms(page, {trainings.back()});
  return page;
}

}  // namespace example
