// A character transformer: trained on a text, it predicts each character from those before, and then writes.
//
// Two blocks of causal attention, in which each head of a character looks at k earlier ones at most.

#include "common/support.hpp"
#include "common/text.hpp"
#include "common/training.hpp"
#include "pages/character_transformer.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

using namespace taper;
using example::Characters;
using example::Measure;

namespace {

struct Options : example::AttentionOptions {
  std::string path = "/usr/share/common-licenses/GPL-3";
  std::int64_t context = 64, width = 64, heads = 4, batch = 16;
  double learning_rate = 3e-3, dropout = 0.1;
  int length = 600;
};

struct CharacterModel : nn::Module {
  nn::Embedding symbols;
  nn::TransformerBlock first, second;
  nn::LayerNorm norm;
  nn::Linear logits;

  CharacterModel(std::int64_t alphabet, const Options& options, bool dense, Generator& generator)
      : symbols(alphabet, options.width, generator),
        first(options.width, options.heads, options.k, generator,
              {.causal = true, .rotary = true, .method = example::method(dense), .dropout = options.dropout}),
        second(
            options.width, options.heads, options.k, generator,
            {.causal = true, .rotary = true, .method = example::method(dense), .dropout = options.dropout}),
        norm(options.width),
        logits(options.width, alphabet, generator) {}

  void list(nn::Parts& parts) const override {
    parts.add("symbols", symbols), parts.add("first", first), parts.add("second", second);
    parts.add("norm", norm), parts.add("logits", logits);
  }

  // tokens (batch, n) -> logits of the next character (batch, n, alphabet)
  Tensor operator()(const Indices& tokens) const { return logits(norm(second(first(symbols(tokens))))); }

  // What each character gives each, in each layer: (batch, heads, n, n).
  std::vector<Tensor> attention(const Indices& tokens) const {
    const Tensor x = symbols(tokens);
    return {first.probabilities(x), second.probabilities(first(x))};
  }
};

Measure measure(const CharacterModel& model, const example::Stretches& stretches) {
  model.eval();
  const Tensor logits = model(stretches.inputs);
  model.train();
  return {nn::cross_entropy(logits, stretches.labels).item(), nn::accuracy(logits, stretches.labels)};
}

// Draws one character after the other from the model.
Characters write(const CharacterModel& model, Characters text, const Options& options, Generator generator) {
  for (int i = 0; i < options.length; ++i) {
    const auto n = std::min(static_cast<std::int64_t>(text.size()), options.context);
    const Tensor logits = model(Indices(Characters(text.end() - n, text.end()), {1, n}));
    text.push_back(example::draw_character(slice(logits, 1, n - 1, n), generator));
  }
  return text;
}

// A model, how it was trained, how well it predicts, and what it writes. The generator lives as long as the
// model, whose dropout draws from it.
struct Outcome {
  std::string name;
  Generator generator;
  CharacterModel model;
  example::Training training;
  Measure before, after;
  std::string sample;

  Outcome(const Options& options, bool dense, const example::Text& text)
      : name(dense ? "dense softmax" : "sparse, k = " + std::to_string(options.k)),
        generator(options.seed),
        model(static_cast<std::int64_t>(text.alphabet.size()), options, dense, generator),
        training(options, dense ? "checkpoint-dense" : "checkpoint", name,
                 {{"text", options.path},
                  {"characters", std::to_string(text.size())},
                  {"attention", name},
                  {"steps", std::to_string(options.steps)},
                  {"seed", std::to_string(options.seed)}}) {}
};

std::unique_ptr<Outcome> train(const Options& options, bool dense, const example::Text& text) {
  auto outcome = std::make_unique<Outcome>(options, dense, text);
  const CharacterModel& model = outcome->model;
  model.to(options.device);
  optim::Adam adam(model.parameters(), {.learning_rate = options.learning_rate});
  const optim::Schedule rate =
      optim::Schedule::cosine(options.learning_rate, options.steps, options.learning_rate / 10).warm_up(20);
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
    adam.set_learning_rate(rate(number));
    adam.step();
    return Measure{loss.item(), nn::accuracy(logits, batch.labels), batch.inputs.size()};
  };
  std::cout << outcome->name << ": " << example::parameter_count(model) << " parameters" << std::endl;
  outcome->training.go({model, adam, outcome->generator}, step, std::max<std::int64_t>(1, options.steps / 20),
                       [&] { return measure(model, held_out); });

  outcome->after = measure(model, held_out);
  model.eval();
  outcome->sample =
      text.spell(write(model, {text.training.front()}, options, nn::generator_of(options.seed, ~0ULL)));
  return outcome;
}

// What the page shows: the figures, what was written, and the heads on a stretch of held-out text.
example::CharacterReport report_of(const std::vector<std::unique_ptr<Outcome>>& outcomes,
                                   const Options& options, const example::Text& text) {
  const Characters shown(text.held_out.begin(), text.held_out.begin() + 24);
  example::CharacterReport report{
      .path = options.path,
      .context = options.context,
      .k = options.k,
      .settings = {{"steps", std::to_string(options.steps)},
                   {"seed", std::to_string(options.seed)},
                   {"k", std::to_string(options.k)},
                   {"context", std::to_string(options.context)},
                   {"width", std::to_string(options.width)},
                   {"heads", std::to_string(options.heads)},
                   {"batch", std::to_string(options.batch)},
                   {"characters", training::number(static_cast<double>(text.size()), 9)},
                   {"alphabet", std::to_string(text.alphabet.size())},
                   {"parameters",
                    training::number(static_cast<double>(example::parameter_count(outcomes[0]->model)))}},
      .results = {{"on held-out text", "loss before", "loss after", "bits a character", "accuracy",
                   "training time"}},
      .characters = text.labels(shown),
      .runs = {}};
  for (const auto& outcome : outcomes) {
    report.results.push_back(
        {outcome->name, training::fixed(outcome->before.loss, 3), training::fixed(outcome->after.loss, 3),
         training::fixed(outcome->after.loss / std::log(2.0), 2), training::percent(outcome->after.accuracy),
         training::duration(outcome->training.seconds())});
    report.runs.push_back({outcome->name, &outcome->training, outcome->sample,
                           outcome->model.attention(Indices(shown, {1, 24}))});
  }
  return report;
}

void demo(const Options& options) {
  const example::Text text =
      example::read_text(options.path, static_cast<std::size_t>(20 * (options.context + 1)));
  std::cout << options.path << ": " << text.size() << " characters, " << text.alphabet.size()
            << " different ones\n";
  std::vector<std::unique_ptr<Outcome>> outcomes;
  example::prepare_output(options);
  outcomes.push_back(train(options, false, text));
  if (options.dense) outcomes.push_back(train(options, true, text));

  const example::CharacterReport report = report_of(outcomes, options, text);
  std::cout << training::aligned(report.results) << "\nIt writes:\n" << outcomes[0]->sample << "\n\n";
  example::save_page(page(report), options);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.steps = 1000, options.quick_steps = 400, options.k = 8, options.output = "taper-characters";
  CLI::App app("A character transformer with sparse attention: trained on a text file, it then writes.");
  app.add_option("text", options.path, "a UTF-8 text file")->capture_default_str();
  example::add_training_options(app, options, argc, argv);
  example::add_attention_options(app, options);
  app.add_option("--length", options.length, "how many characters to write")
      ->check(example::at_least(0))
      ->capture_default_str();
  return example::run(app, argc, argv, [&] { demo(options); });
}
