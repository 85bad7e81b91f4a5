// Sorting: trained on short sequences, tested on sequences many times longer.
//
//   5 9 2  |  2 5 9        the model reads "5 9 2 |" and writes what follows, a number at a time
//
// Positions play no part: the number to write next is the smallest one read that exceeds the number written
// last. A query has to find one key among all. Softmax gives every key something, so the longer the sequence,
// the less is left for the right key (its attention disperses: Velickovic et al., arXiv 2410.01104). Sparse
// attention gives the wrong keys exactly 0, however many there are.

#include "common/support.hpp"
#include "common/training.hpp"
#include "pages/sorting.hpp"

#include <algorithm>
#include <memory>

using namespace taper;
using example::Measure;

namespace {

struct Options : example::AttentionOptions {
  std::int64_t numbers = 64;  // 0 … numbers - 1, each at most once in a sequence
  std::int64_t longest = 8;   // in training
  std::int64_t width = 64, batch_tokens = 512;
  double learning_rate = 3e-3;
};

// Sequences of n different numbers, a bar, and the same numbers in order. The last of these is not in the
// sequence, because it is only predicted. Numbers to read are tokens 0 … numbers - 1, numbers that are
// written are tokens numbers … 2 numbers - 1, and the bar is the last token.
struct Sequences {
  Indices tokens;  // (batch, 2 n)
  Indices sorted;  // (batch, n): what is to be written from the bar on
};

Sequences draw(std::int64_t batch, std::int64_t n, std::int64_t numbers, Generator generator) {
  std::vector<std::int64_t> tokens, sorted, all = training::positions(0, numbers);
  for (std::int64_t b = 0; b < batch; ++b) {
    for (std::int64_t i = 0; i < n; ++i) {
      const auto left = static_cast<double>(numbers - i);
      std::swap(all[static_cast<std::size_t>(i)],
                all[static_cast<std::size_t>(i + static_cast<std::int64_t>(generator.uniform() * left))]);
    }
    std::vector<std::int64_t> read(all.begin(), all.begin() + n);
    tokens.insert(tokens.end(), read.begin(), read.end());
    tokens.push_back(2 * numbers);
    std::sort(read.begin(), read.end());
    for (std::int64_t i = 0; i + 1 < n; ++i) tokens.push_back(numbers + read[static_cast<std::size_t>(i)]);
    sorted.insert(sorted.end(), read.begin(), read.end());
  }
  return {{std::move(tokens), {batch, 2 * n}}, {std::move(sorted), {batch, n}}};
}

struct SortingModel : nn::Module {
  nn::Embedding symbols;
  nn::TransformerBlock block;
  nn::LayerNorm norm;
  nn::Linear logits;

  SortingModel(const Options& options, bool dense, Generator& generator)
      : symbols(2 * options.numbers + 1, options.width, generator),
        block(options.width, 1, options.k, generator, {.causal = true, .method = example::method(dense)}),
        norm(options.width),
        logits(options.width, options.numbers, generator) {}

  void list(nn::Parts& parts) const override {
    parts.add("symbols", symbols), parts.add("block", block), parts.add("norm", norm);
    parts.add("logits", logits);
  }

  // The logits of what is written from the bar on, (batch, n, numbers).
  Tensor operator()(const Sequences& sequences) const {
    const std::int64_t n = sequences.sorted.shape()[1];
    return logits(norm(slice(block(symbols(sequences.tokens)), 1, n, 2 * n)));
  }

  // What each place gives each, (batch, 1, 2 n, 2 n).
  Tensor attention(const Indices& tokens) const { return block.probabilities(symbols(tokens)); }
};

Measure measure(const Tensor& logits, const Tensor& loss, const Sequences& sequences) {
  return {loss.item(), nn::accuracy(logits, sequences.sorted), sequences.tokens.size()};
}

// The share of sequences that are sorted without a mistake. (The model is shown the right numbers so far: as
// long as it makes no mistake, these are its own.)
double share_sorted(const Tensor& logits, const Sequences& sequences) {
  const std::int64_t batch = sequences.sorted.shape()[0], n = sequences.sorted.shape()[1];
  std::int64_t sorted = 0;
  for (std::int64_t b = 0; b < batch; ++b) {
    std::vector<std::int64_t> wanted;
    for (std::int64_t i = 0; i < n; ++i) wanted.push_back(sequences.sorted[b * n + i]);
    sorted += nn::accuracy(slice(logits, 0, b, b + 1), Indices(std::move(wanted), {1, n})) == 1;
  }
  return static_cast<double>(sorted) / static_cast<double>(batch);
}

// A model, how it was trained, and how well it does by length.
struct Outcome {
  std::string name;
  SortingModel model;
  example::Training training;
  std::vector<double> lengths, accuracy, sorted;
};

std::unique_ptr<Outcome> train(const Options& options, bool dense) {
  const std::string name = dense ? "dense softmax" : "sparse, k = " + std::to_string(options.k);
  Generator generator(options.seed);
  const training::Settings settings = {{"attention", name},
                                       {"steps", std::to_string(options.steps)},
                                       {"seed", std::to_string(options.seed)},
                                       {"longest", std::to_string(options.longest)}};
  auto outcome = std::make_unique<Outcome>(
      Outcome{name,
              SortingModel(options, dense, generator),
              example::Training(options, dense ? "checkpoint-dense" : "checkpoint", name, settings),
              {},
              {},
              {}});
  const SortingModel& model = outcome->model;
  model.to(options.device);
  optim::Adam adam(model.parameters(), {.learning_rate = options.learning_rate});
  const optim::Schedule rate = optim::Schedule::cosine(options.learning_rate, options.steps).warm_up(20);

  // Each step draws a length, and as many sequences as make up the tokens of a batch.
  const auto step = [&](std::int64_t number) {
    Generator drawing = nn::generator_of(options.seed, static_cast<std::uint64_t>(number));
    const std::int64_t n =
        2 + static_cast<std::int64_t>(drawing.uniform() * static_cast<double>(options.longest - 1));
    const Sequences sequences = draw(options.batch_tokens / n, n, options.numbers, drawing);
    Tape tape;
    const Tensor logits = model(sequences);
    const Tensor loss = nn::cross_entropy(logits, sequences.sorted);
    adam.zero_grad();
    tape.backward(loss);
    adam.set_learning_rate(rate(number));
    adam.step();
    return measure(logits, loss, sequences);
  };
  // Held out: sequences four times as long as the longest in training.
  const Sequences longer = draw(16, std::min(4 * options.longest, options.numbers), options.numbers,
                                nn::generator_of(options.seed, ~0ULL));
  const auto evaluate = [&] {
    const Tensor logits = model(longer);
    return measure(logits, nn::cross_entropy(logits, longer.sorted), longer);
  };
  std::cout << name << ": " << example::parameter_count(model) << " parameters" << std::endl;
  outcome->training.go({model, adam, generator}, step, std::max<std::int64_t>(1, options.steps / 20),
                       evaluate);

  for (std::int64_t n = options.longest / 2; n <= options.numbers; n *= 2) {
    const Sequences test =
        draw(100, n, options.numbers, nn::generator_of(options.seed, ~static_cast<std::uint64_t>(n)));
    const Tensor logits = model(test);
    outcome->lengths.push_back(static_cast<double>(n));
    outcome->accuracy.push_back(nn::accuracy(logits, test.sorted));
    outcome->sorted.push_back(share_sorted(logits, test));
  }
  return outcome;
}

// What the page shows: the figures by length, and the head on sequences twice and four times as long as
// those in training.
example::SortingReport report_of(const std::vector<std::unique_ptr<Outcome>>& outcomes,
                                 const Options& options) {
  example::SortingReport report{
      .longest = options.longest,
      .numbers = options.numbers,
      .settings = {{"steps", std::to_string(options.steps)},
                   {"seed", std::to_string(options.seed)},
                   {"k", std::to_string(options.k)},
                   {"numbers", std::to_string(options.numbers)},
                   {"width", std::to_string(options.width)},
                   {"heads", "1"},
                   {"parameters",
                    training::number(static_cast<double>(example::parameter_count(outcomes[0]->model)))}},
      .results = {{"sequences sorted without a mistake, by length"}},
      .sequences = {},
      .runs = {}};
  for (std::int64_t n : {2 * options.longest, 4 * options.longest}) {
    if (n > options.numbers) continue;
    const Sequences one =
        draw(1, n, options.numbers, nn::generator_of(options.seed, ~static_cast<std::uint64_t>(n)));
    report.sequences.push_back({one.tokens, one.sorted});
  }
  for (double length : outcomes[0]->lengths) report.results[0].push_back(training::number(length));
  report.results[0].push_back("training time");
  for (const auto& outcome : outcomes) {
    report.results.push_back({outcome->name});
    for (double share : outcome->sorted) report.results.back().push_back(training::percent(share));
    report.results.back().push_back(training::duration(outcome->training.seconds()));
    report.runs.push_back(
        {outcome->name, &outcome->training, outcome->lengths, outcome->accuracy, outcome->sorted, {}});
    for (const auto& one : report.sequences) {
      report.runs.back().attention.push_back(outcome->model.attention(one.tokens));
    }
  }
  return report;
}

void demo(const Options& options) {
  std::vector<std::unique_ptr<Outcome>> outcomes;
  example::prepare_output(options);
  outcomes.push_back(train(options, false));
  if (options.dense) outcomes.push_back(train(options, true));

  const example::SortingReport report = report_of(outcomes, options);
  std::cout << training::aligned(report.results);
  example::save_page(page(report), options);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.steps = 2000, options.quick_steps = 1000, options.k = 8, options.output = "taper-sorting";
  options.dense = true;  // the comparison is the point
  CLI::App app(
      "Sorting: a model with sparse attention is trained on short sequences and tested on long ones.");
  example::add_training_options(app, options, argc, argv);
  example::add_attention_options(app, options);
  app.add_option("--longest", options.longest, "sequence in training")
      ->check(CLI::Range(std::int64_t{2}, options.numbers))
      ->capture_default_str();
  return example::run(app, argc, argv, [&] { demo(options); });
}
