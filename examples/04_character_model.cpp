// Trains a small character model with sparse attention on a real text, and lets it write.
//
// Two blocks of causal attention, in which each head of a character looks at k earlier ones at most, and a
// two-layer perceptron; each block adds to what it is given (a residual), after normalising it. The next
// character is predicted at each place.

#include "progress.hpp"
#include "support.hpp"
#include "text.hpp"

using namespace taper;

namespace {

struct Options {
  std::string path = "/usr/share/common-licenses/GPL-3";
  int steps = 1000;
  std::int64_t k = 8;
  std::uint64_t seed = 0;
  std::int64_t context = 64, width = 64, heads = 4, batch = 16;
  double learning_rate = 3e-3;
  int length = 400;
};

// x scaled so that the mean square of its last axis is 1 (root mean square normalisation).
Tensor normalise(const Tensor& x) { return x / sqrt(mean(square(x), -1, true) + 1e-5); }

struct Block : nn::Module {
  nn::MultiHeadSparseAttention attention;
  nn::Linear hidden, output;

  Block(const Options& options, Generator& generator)
      : attention(options.width, options.heads, options.k, generator, {.causal = true}),
        hidden(options.width, 4 * options.width, generator),
        output(4 * options.width, options.width, generator) {}

  void list(nn::Parts& parts) const override {
    parts.add("attention", attention), parts.add("hidden", hidden), parts.add("output", output);
  }

  Tensor operator()(const Tensor& x) const {
    const Tensor y = x + attention(normalise(x));
    return y + output(gelu(hidden(normalise(y))));
  }
};

struct CharacterModel : nn::Module {
  nn::Embedding symbols, places;
  Block first, second;
  nn::Linear logits;

  CharacterModel(std::int64_t alphabet, const Options& options, Generator& generator)
      : symbols(alphabet, options.width, generator),
        places(options.context, options.width, generator),
        first(options, generator),
        second(options, generator),
        logits(options.width, alphabet, generator) {}

  void list(nn::Parts& parts) const override {
    parts.add("symbols", symbols), parts.add("places", places);
    parts.add("first", first), parts.add("second", second), parts.add("logits", logits);
  }

  // tokens (batch, n) -> logits of the next character (batch, n, alphabet)
  Tensor operator()(const Indices& tokens) const {
    const std::int64_t n = tokens.shape()[1];
    const Tensor x = symbols(tokens) + slice(places.table, 0, 0, n);
    return logits(normalise(second(first(x))));
  }
};

// Stretches of text, and for each the same stretch one character later.
struct Batch {
  Indices inputs, labels;
};

Batch random_batch(const std::vector<std::int64_t>& text, const Options& options, Generator& generator) {
  std::vector<std::int64_t> inputs, labels;
  const auto starts = static_cast<double>(text.size()) - static_cast<double>(options.context);
  for (std::int64_t row = 0; row < options.batch; ++row) {
    const auto start = text.begin() + static_cast<std::int64_t>(generator.uniform() * starts);
    inputs.insert(inputs.end(), start, start + options.context);
    labels.insert(labels.end(), start + 1, start + 1 + options.context);
  }
  const Shape shape{options.batch, options.context};
  return {{std::move(inputs), shape}, {std::move(labels), shape}};
}

// The mean loss over the same eight batches each time it is asked.
double evaluate(const CharacterModel& model, const std::vector<std::int64_t>& text, const Options& options) {
  Generator generator(1);
  double total = 0;
  constexpr int batches = 8;
  for (int i = 0; i < batches; ++i) {
    const Batch batch = random_batch(text, options, generator);
    total += nn::cross_entropy(model(batch.inputs), batch.labels).item();
  }
  return total / batches;
}

// Draws one character after the other from the model's distribution, sharpened by a temperature of 0.8.
std::vector<std::int64_t> write(const CharacterModel& model, std::vector<std::int64_t> text,
                                const Options& options, Generator& generator) {
  for (int i = 0; i < options.length; ++i) {
    const auto n = std::min(static_cast<std::int64_t>(text.size()), options.context);
    const Tensor logits = model(Indices(std::vector<std::int64_t>(text.end() - n, text.end()), {1, n}));
    const std::vector<double> p = softmax(slice(logits, 1, n - 1, n) / 0.8).to_vector();
    double left = generator.uniform();
    std::size_t next = 0;
    while (next + 1 < p.size() && (left -= p[next]) >= 0) ++next;
    text.push_back(static_cast<std::int64_t>(next));
  }
  return text;
}

void train_and_write(const Options& options) {
  // Nine tenths are for training, the rest is only ever used to measure.
  const example::Text text =
      example::read_text(options.path, static_cast<std::size_t>(20 * (options.context + 1)));
  const auto split = text.characters.begin() + static_cast<std::int64_t>(text.characters.size() / 10 * 9);
  const std::vector<std::int64_t> training(text.characters.begin(), split),
      held_out(split, text.characters.end());

  Generator generator(options.seed);
  const CharacterModel model(static_cast<std::int64_t>(text.alphabet.size()), options, generator);
  std::int64_t count = 0;
  for (const Tensor& parameter : model.parameters()) count += parameter.size();
  std::cout << options.path << ": " << text.characters.size() << " characters, " << text.alphabet.size()
            << " different ones; a model of " << count << " parameters, k = " << options.k << std::endl;

  const double before = evaluate(model, held_out, options);
  optim::Adam adam(model.parameters(), {.learning_rate = options.learning_rate});
  example::Progress progress(options.steps);
  for (int step = 1; step <= options.steps; ++step) {
    const Batch batch = random_batch(training, options, generator);
    Tape tape;
    const Tensor loss = nn::cross_entropy(model(batch.inputs), batch.labels);
    adam.zero_grad();
    tape.backward(loss);
    adam.step();
    progress.show(step, loss.item());
  }
  const double after = evaluate(model, held_out, options);

  std::cout.precision(4);
  std::cout << "loss on text that it was not trained on, in nats per character: " << before << " before, "
            << after << " after\n\nIt writes:\n";
  std::cout << text.spell(write(model, {training.front()}, options, generator)) << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Trains a character model with sparse attention on a text file, then lets it write.");
  app.add_option("text", options.path, "a UTF-8 text file")->capture_default_str();
  app.add_option("--steps", options.steps, "of training")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--k", options.k, "how many characters each may look at")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--seed", options.seed, "of the initial weights and the batches")->capture_default_str();
  app.add_option("--length", options.length, "how many characters to write")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  return example::run(app, argc, argv, [&] { train_and_write(options); });
}
