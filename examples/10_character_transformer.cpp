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
using example::Measure;

namespace {

struct Options : example::TrainingOptions {
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

// Stretches of text, and for each the same stretch one character later.
struct Stretches {
  Indices inputs, labels;
};

using Characters = std::vector<std::int64_t>;

Stretches stretches(const Characters& text, const Characters& starts, std::int64_t length) {
  Characters inputs, labels;
  for (std::int64_t first : starts) {
    const auto start = text.begin() + first;
    inputs.insert(inputs.end(), start, start + length);
    labels.insert(labels.end(), start + 1, start + 1 + length);
  }
  const Shape shape{static_cast<std::int64_t>(starts.size()), length};
  return {{std::move(inputs), shape}, {std::move(labels), shape}};
}

// Nine tenths are for training; the rest is used only to measure.
struct Source {
  example::Text text;
  Characters training, held_out;
};

Source read_source(const Options& options) {
  Source source;
  source.text = example::read_text(options.path, static_cast<std::size_t>(20 * (options.context + 1)));
  const Characters& all = source.text.characters;
  const auto split = all.begin() + static_cast<std::int64_t>(all.size() / 10 * 9);
  source.training.assign(all.begin(), split), source.held_out.assign(split, all.end());
  return source;
}

// The mean loss over stretches that are spread evenly over the text, the same in every call.
Measure evaluate(const CharacterModel& model, const Characters& text, const Options& options) {
  constexpr std::int64_t count = 64;
  const std::int64_t last = static_cast<std::int64_t>(text.size()) - options.context - 1;
  Characters starts;
  for (std::int64_t i = 0; i < count; ++i) starts.push_back(last * i / count);
  const Stretches all = stretches(text, starts, options.context);
  model.eval();
  const Tensor logits = model(all.inputs);
  model.train();
  return {nn::cross_entropy(logits, all.labels).item(), example::accuracy(logits, all.labels)};
}

// Draws one character after the other from the model's distribution, sharpened by a temperature of 0.8.
Characters write(const CharacterModel& model, Characters text, const Options& options, Generator generator) {
  for (int i = 0; i < options.length; ++i) {
    const auto n = std::min(static_cast<std::int64_t>(text.size()), options.context);
    const Tensor logits = model(Indices(Characters(text.end() - n, text.end()), {1, n}));
    const std::vector<double> p = softmax(slice(logits, 1, n - 1, n) / 0.8).to_vector();
    double left = generator.uniform();
    std::size_t next = 0;
    while (next + 1 < p.size() && (left -= p[next]) >= 0) ++next;
    text.push_back(static_cast<std::int64_t>(next));
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
                  {"characters", std::to_string(text.characters.size())},
                  {"attention", name},
                  {"steps", std::to_string(options.steps)},
                  {"seed", std::to_string(options.seed)}}) {}
};

std::unique_ptr<Outcome> train(const Options& options, bool dense, const Source& source) {
  auto outcome = std::make_unique<Outcome>(options, dense, source.text);
  const CharacterModel& model = outcome->model;
  model.to(options.device);
  optim::Adam adam(model.parameters(), {.learning_rate = options.learning_rate});
  const optim::Schedule rate =
      optim::Schedule::cosine(options.learning_rate, options.steps, options.learning_rate / 10).warm_up(20);
  outcome->before = evaluate(model, source.held_out, options);

  const auto step = [&](std::int64_t number) {
    Generator drawing = nn::generator_of(options.seed, static_cast<std::uint64_t>(number));
    const auto places = static_cast<double>(source.training.size()) - static_cast<double>(options.context);
    Characters starts;
    for (std::int64_t i = 0; i < options.batch; ++i) {
      starts.push_back(static_cast<std::int64_t>(drawing.uniform() * places));
    }
    const Stretches batch = stretches(source.training, starts, options.context);
    Tape tape;
    const Tensor logits = model(batch.inputs);
    const Tensor loss = nn::cross_entropy(logits, batch.labels);
    adam.zero_grad();
    tape.backward(loss);
    adam.set_learning_rate(rate(number));
    adam.step();
    return Measure{loss.item(), example::accuracy(logits, batch.labels), batch.inputs.size()};
  };
  std::cout << outcome->name << ": " << example::parameter_count(model) << " parameters" << std::endl;
  outcome->training.go({model, adam, outcome->generator}, step, std::max<std::int64_t>(1, options.steps / 20),
                       [&] { return evaluate(model, source.held_out, options); });

  outcome->after = evaluate(model, source.held_out, options);
  model.eval();
  outcome->sample = source.text.spell(
      write(model, {source.training.front()}, options, nn::generator_of(options.seed, ~0ULL)));
  return outcome;
}

// What the page shows: the figures, what was written, and the heads on a stretch of held-out text.
example::CharacterReport report_of(const std::vector<std::unique_ptr<Outcome>>& outcomes,
                                   const Options& options, const Source& source) {
  const Characters shown(source.held_out.begin(), source.held_out.begin() + 24);
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
                   {"characters", training::number(static_cast<double>(source.text.characters.size()), 9)},
                   {"alphabet", std::to_string(source.text.alphabet.size())},
                   {"parameters",
                    training::number(static_cast<double>(example::parameter_count(outcomes[0]->model)))}},
      .results = {{"on held-out text", "loss before", "loss after", "bits a character", "accuracy",
                   "training time"}},
      .characters = {},
      .runs = {}};
  for (std::int64_t character : shown) report.characters.push_back(source.text.spell({character}));
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
  const Source source = read_source(options);
  std::cout << options.path << ": " << source.text.characters.size() << " characters, "
            << source.text.alphabet.size() << " different ones\n";
  std::vector<std::unique_ptr<Outcome>> outcomes;
  example::prepare_output(options);
  outcomes.push_back(train(options, false, source));
  if (options.dense) outcomes.push_back(train(options, true, source));

  const example::CharacterReport report = report_of(outcomes, options, source);
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
  app.add_option("--length", options.length, "how many characters to write")
      ->check(example::at_least(0))
      ->capture_default_str();
  return example::run(app, argc, argv, [&] { demo(options); });
}
