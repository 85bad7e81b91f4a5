// Writes page.html and, for test_training_page.py, what it should show, recorded.json, into the folder named by
// its argument.
#include <taper/taper.hpp>

#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace {

using namespace taper;
using nlohmann::json;
using training::History;

constexpr std::int64_t steps = 240, evaluate_every = 20;

// A curve is learned by a small network; the loss is recorded in each step, and now and then on other points.
History run(double learning_rate) {
  Generator generator(1);
  const nn::Linear hidden(1, 16, generator), output(16, 1, generator);
  const nn::Sequential model{hidden, taper::tanh, output};
  optim::Adam adam(model.parameters(), {.learning_rate = learning_rate});
  const Tensor held_out = uniform({64, 1}, -1, 1, generator);
  History history("rate " + training::number(learning_rate));
  for (std::int64_t step = 1; step <= steps; ++step) {
    const Tensor x = uniform({32, 1}, -1, 1, generator);
    Tape tape;
    const Tensor loss = nn::mean_squared_error(model(x), square(x));
    adam.zero_grad();
    tape.backward(loss);
    adam.step();
    history.add("loss", step, loss.item());
    history.add_histograms(model, step);
    if (step % evaluate_every == 0)
      history.add("held-out loss", step, nn::mean_squared_error(model(held_out), square(held_out)).item());
  }
  return history;
}

json json_of(const training::ParameterHistory::Series& series) {
  json all = json::array();
  for (std::size_t i = 0; i < series.step.size(); ++i) {
    const training::Histogram& one = series.histogram[i];
    all.push_back({{"step", series.step[i]},
                   {"low", one.low},
                   {"high", one.high},
                   {"mean", one.mean},
                   {"deviation", one.deviation},
                   {"counts", one.counts}});
  }
  return all;
}

json json_of(const History& history) {
  json curves, parameters = json::array();
  for (const auto& [name, curve] : history.curves()) {
    curves[name] = {{"step", curve.step}, {"value", curve.value}};
  }
  for (const training::ParameterHistory& each : history.parameters()) {
    parameters.push_back({{"name", each.name},
                          {"size", each.size},
                          {"weights", json_of(each.weights)},
                          {"gradients", json_of(each.gradients)}});
  }
  return {{"name", history.name()}, {"curves", curves}, {"parameters", parameters}};
}

}  // namespace

int main(int, char** argv) {
  const std::string folder = argv[1];
  const std::vector<History> runs = {run(0.02), run(0.002)};
  training::Page page("Two learning rates", "The same network learns the same parabola at two rates.");
  page.settings({{"steps", std::to_string(steps)}, {"batch", "32"}});
  page.heading("Results");
  training::Rows results = {
      {"run", "loss at the end", "held-out loss at the end", "steps of training", "a rather long name"}};
  training::Chart loss{.title = "Loss",
                       .x_label = "step",
                       .series = {},
                       .stages = {{0, "first half"}, {120.5, "second half"}}};
  training::Chart held_out{.title = "Held-out loss", .x_label = "step", .series = {}};
  json recorded;
  for (const History& each : runs) {
    loss.series.push_back(training::series(each, "loss"));
    loss.series.back().noisy = true;
    held_out.series.push_back(training::series(each, "held-out loss"));
    results.push_back({each.name(), training::number(each.curve("loss").value.back()),
                       training::number(each.curve("held-out loss").value.back()), std::to_string(steps),
                       "0.5"});
    recorded["runs"].push_back(json_of(each));
  }
  page.table(results);
  page.heading("Learning");
  page.charts({loss, held_out}, "The held-out points are the same at each evaluation.");
  page.heading("A map");
  Generator generator(2);
  const Tensor attention = topk_softmax(randn({1, 2, 6, 6}, generator), 2);
  std::vector<training::HeatMap> maps;
  for (std::int64_t head = 0; head < 2; ++head) {
    maps.push_back(training::attention_map("head " + std::to_string(head + 1), attention, 0, head,
                                           training::positions(0, 6), training::positions(0, 6), true));
    maps.back().row_labels = maps.back().column_labels = {"a", "b", "c", "d", "e", "f"};
  }
  page.maps(maps), page.scale("Blank cells are exactly zero.");
  page.gallery({{.title = "a picture",
                 .rows = 2,
                 .columns = 2,
                 .values = {0, 0.3, 0.6, 1},
                 .grey = true,
                 .side = 60}});
  for (const training::HeatMap& map : maps) recorded["maps"].push_back(map.values);
  for (const History& each : runs) {
    page.heading("Weights and gradients: " + each.name());
    page.histograms(each);
  }
  page.save(folder + "/page.html");
  std::ofstream(folder + "/recorded.json") << recorded;
}
