// A pruned GRU that writes: most of its weights become 0 while it learns, and cost neither time nor room after that.
//
// First a dense model is trained. From how large its weights are follows the threshold below which those of the
// others are pruned, step by step. What is left is compressed: it writes from compressed rows, and its file
// has no zeros. 13_character_gru is a model half as wide without pruning.

#include "common/character_gru.hpp"
#include "common/support.hpp"
#include "common/text.hpp"
#include "common/training.hpp"
#include "pages/pruned_gru.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>

using namespace taper;
using example::Characters;
using example::Measure;

namespace {

struct Options : example::TrainingOptions {
  std::string path = "/usr/share/common-licenses/GPL-3";
  example::CharacterGruOptions model{.width = 256, .dropout = 0.1};
  std::int64_t context = 64, batch = 16;
  double learning_rate = 5e-3;
  std::vector<int> zeros{80, 90, 95};
  int length = 300;
};

// One of the models, and what became of it.
struct Outcome {
  Outcome(const example::Text& text, const Options& options, int percent)
      : percent(percent),
        generator(options.seed),
        model(static_cast<std::int64_t>(text.alphabet.size()), options.model, generator) {}

  int percent;  // of the dense model's weights that are smaller than where pruning ends; 0: dense
  Generator generator;
  example::CharacterGru model;
  std::unique_ptr<example::Training> training = {};
  double zeros = 0;  // the share of its pruned weights
  Measure before = {}, after = {};
};

// The matrices of the GRU and of the logits, with how large 1 - share of their weights are at least. The table of
// symbols is no factor of a product, and stays whole.
std::map<std::string, double> magnitudes(const example::CharacterGru& model, double share) {
  std::map<std::string, double> result = nn::magnitudes(model, share);
  result.erase("symbols.table");
  return result;
}

// Trains a model; if `dense` is given, prunes it meanwhile.
std::unique_ptr<Outcome> train(const Options& options, const example::Text& text,
                               const example::CharacterGru* dense, int percent) {
  auto outcome = std::make_unique<Outcome>(text, options, percent);
  const example::CharacterGru& model = outcome->model;
  model.to(options.device);
  optim::Adam adam(model.parameters(), {.learning_rate = options.learning_rate});
  const std::int64_t steps = options.steps;
  const optim::Schedule rate =
      optim::Schedule::cosine(options.learning_rate, steps, options.learning_rate / 10).warm_up(20);
  const nn::PruningSchedule level(steps / 20, steps / 4, std::max<std::int64_t>(1, steps / 2),
                                  std::max<std::int64_t>(1, steps / 100));
  std::unique_ptr<nn::Pruning> pruning;
  if (dense) pruning = std::make_unique<nn::Pruning>(model, adam, magnitudes(*dense, percent / 100.0));
  const example::Stretches held_out = example::spread_stretches(text.held_out, 64, options.context);
  outcome->before = measure(model, held_out);

  const auto step = [&](std::int64_t number) {
    Generator drawing = nn::generator_of(options.seed, static_cast<std::uint64_t>(number));
    const example::Stretches batch =
        example::draw_stretches(text.training, options.batch, options.context, drawing);
    Tape tape;
    const Tensor logits = model(batch.inputs);
    const Tensor loss = nn::cross_entropy(logits, batch.labels);
    adam.zero_grad();
    tape.backward(loss);
    if (pruning) pruning->step(level(number));
    adam.set_learning_rate(rate(number));
    optim::clip_gradients(model.parameters(), 1);
    adam.step();
    return Measure{loss.item(), nn::accuracy(logits, batch.labels), batch.inputs.size()};
  };
  const std::string name = dense ? "pruned at " + std::to_string(percent) + " %" : "dense GRU";
  std::cout << "training: " << name << '\n';
  outcome->training = std::make_unique<example::Training>(
      options, dense ? "checkpoint-" + std::to_string(percent) : "checkpoint", name,
      training::Settings{{"text", options.path},
                         {"characters", std::to_string(text.size())},
                         {"steps", std::to_string(steps)},
                         {"seed", std::to_string(options.seed)},
                         {"zeros", std::to_string(percent)}});
  outcome->training->go({model, adam, outcome->generator, 0, {}, pruning.get()}, step,
                        std::max<std::int64_t>(1, steps / 20), [&] { return measure(model, held_out); });
  outcome->after = measure(model, held_out);
  model.eval();
  if (pruning) outcome->zeros = pruning->zeros();
  return outcome;
}

// Saves and compresses the model, lets it write, and adds what came of it to the report.
void add(example::PrunedGruReport& report, Outcome& outcome, double dense_loss, const Options& options,
         const example::Text& text) {
  example::CharacterGru& model = outcome.model;
  const std::string name = outcome.training->history().name();
  const std::string file = options.output + "/model-" + std::to_string(outcome.percent) + ".safetensors";
  nn::save(file, model, {.compressed = true});
  const Tensor hidden = model.gru.weights[0].hidden.clone();
  if (outcome.percent != 0) model.gru.compress(), model.logits.compress();
  const auto begin = std::chrono::steady_clock::now();
  const Characters written =
      write(model, text.training.front(), options.length, nn::generator_of(options.seed, ~0ULL));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  report.results.push_back(
      {name, training::fixed(outcome.before.loss, 3), training::fixed(outcome.after.loss, 3),
       training::percent(outcome.after.accuracy), training::percent(outcome.zeros),
       training::fixed(100 * (outcome.after.loss / dense_loss - 1), 1) + " %",
       training::number(static_cast<double>(std::filesystem::file_size(file)) / 1000) + " kB",
       training::number(1e6 * seconds / options.length) + " µs",
       training::duration(outcome.training->seconds())});
  report.runs.push_back({name, text.spell(written), hidden, outcome.training.get()});
}

void demo(const Options& options) {
  const example::Text text =
      example::read_text(options.path, static_cast<std::size_t>(20 * (options.context + 1)));
  std::cout << options.path << ": " << text.size() << " characters, " << text.alphabet.size()
            << " different ones\n";
  example::prepare_output(options);

  std::vector<std::unique_ptr<Outcome>> outcomes;
  outcomes.push_back(train(options, text, nullptr, 0));
  for (const int percent : options.zeros)
    outcomes.push_back(train(options, text, &outcomes[0]->model, percent));

  example::PrunedGruReport report{
      .path = options.path,
      .settings = {{"steps", std::to_string(options.steps)},
                   {"seed", std::to_string(options.seed)},
                   {"context", std::to_string(options.context)},
                   {"width", std::to_string(options.model.width)},
                   {"batch", std::to_string(options.batch)},
                   {"characters", training::number(static_cast<double>(text.size()), 9)},
                   {"alphabet", std::to_string(text.alphabet.size())},
                   {"parameters",
                    training::number(static_cast<double>(example::parameter_count(outcomes[0]->model)))}},
      .results = {{"on held-out text", "loss before", "loss after", "accuracy", "zeros", "above dense",
                   "file", "time a character", "training time"}}};
  for (const auto& outcome : outcomes) add(report, *outcome, outcomes[0]->after.loss, options, text);
  std::cout << training::aligned(report.results) << '\n';
  for (const auto& run : report.runs) std::cout << "It writes, " << run.name << ":\n" << run.sample << "\n\n";
  example::save_page(page(report), options);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.steps = 1000, options.quick_steps = 100, options.unit = "characters";
  options.output = "taper-pruned-gru";
  CLI::App app("A GRU that writes, dense and pruned: trained on a text file, a character at a time.");
  app.add_option("text", options.path, "a UTF-8 text file")->capture_default_str();
  example::add_training_options(app, options, argc, argv);
  app.add_option("--zeros", options.zeros,
                 "at which per cent of the dense model's weights pruning ends, a model for each")
      ->check(CLI::Range(1, 99))
      ->capture_default_str();
  app.add_option("--length", options.length, "how many characters to write")
      ->check(example::at_least(1))
      ->capture_default_str();
  return example::run(app, argc, argv, [&] { demo(options); });
}
