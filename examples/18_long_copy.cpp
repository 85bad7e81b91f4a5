// Copying over 16,384 positions: a word lies scattered over a long sequence, to be written at its end.
//
//   q x 3 R f … | d 1 T s … | m 2 A o … | … … … | k b 1 2 3 |        the answers: T at 1, A at 2, R at 3
//
// Each letter of the word stands behind its number, among other letters that don't count, thousands of
// positions before the end. Full causal attention would look at half of the 16,384 x 16,384 pairs to find
// it. The fixed pattern of Child et al. (Generating Long Sequences with Sparse Transformers, arXiv
// 1904.10509) cuts the sequence into blocks of l = 128 positions. A query sees its own block up to itself,
// and the last position of each block before, which sums that block up: 128 keys on average instead of
// 8,192.
//
// So no question at the end sees a letter. A letter gets there in two hops, one a layer: the bar at the end
// of its block finds it among 128 positions, and takes it over together with its number; then the question
// finds its number among the bars. For that reason no block has two letters of the word, and each position
// knows which token stands before it. Beside it, the same model is trained with a window: a query sees the
// last 128 keys. That costs as much, but two hops reach no further than 254 positions, so that it has
// to guess.
//
// Positions are no part of the model, and what it learns at one length holds at the next. Training begins
// with blocks of four, whose bars see little, and the blocks' length doubles in stages. Since l is the root
// of the sequence's length, as the paper has it, that one grows fourfold.

#include "common/support.hpp"
#include "common/training.hpp"
#include "pages/long_copy.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>

using namespace taper;
using example::Measure;

namespace {

constexpr std::int64_t alphabet = 26, numbers = 32;
constexpr std::int64_t bar = numbers + alphabet, vocabulary = bar + 1;  // numbers come first, then letters
constexpr std::int64_t shortest = 4;                                    // block in training

struct Options : example::AttentionOptions {
  std::int64_t length = 16384, width = 64, heads = 2, tokens = 8192;
  double learning_rate = 8e-3;
};

// How long the blocks of a sequence are: as long as there are many.
std::int64_t block_of(std::int64_t length) { return std::llround(std::sqrt(static_cast<double>(length))); }

// Sequences of one length, with as many letters of a word each. Position i of sequence b is b length + i.
struct Sequences {
  Indices tokens;                     // (batch, length)
  Indices questions;                  // (batch letters): the positions at the end that ask for a letter
  Indices answers;                    // (batch letters): which letter, from 0 to 25
  std::vector<std::int64_t> sources;  // (batch letters): where in its sequence that letter stands
  std::int64_t letters() const { return questions.size() / tokens.shape()[0]; }
};

// Half as many letters as there are blocks, 32 at most, one a block, and none in the last eighth of the
// blocks. The numbers of a shorter word are any of the 32, in order.
Sequences draw(std::int64_t batch, std::int64_t length, Generator generator) {
  const auto below = [&](std::int64_t n) {
    return static_cast<std::int64_t>(generator.uniform() * static_cast<double>(n));
  };
  // `count` of the numbers 0 … n - 1, in random order.
  const auto choose = [&](std::int64_t count, std::int64_t n) {
    std::vector<std::int64_t> list = training::positions(0, n);
    for (std::int64_t i = 0; i < count; ++i) {
      std::swap(list[static_cast<std::size_t>(i)], list[static_cast<std::size_t>(i + below(n - i))]);
    }
    list.resize(static_cast<std::size_t>(count));
    return list;
  };
  const std::int64_t block = block_of(length), far = block - std::max<std::int64_t>(1, block / 8);
  const std::int64_t letters = std::min(numbers, block / 2);
  std::vector<std::int64_t> tokens, questions, answers, sources;
  for (std::int64_t b = 0; b < batch; ++b) {
    for (std::int64_t i = 1; i <= length; ++i)
      tokens.push_back(i % block == 0 ? bar : numbers + below(alphabet));
    std::int64_t* sequence = tokens.data() + b * length;
    std::vector<std::int64_t> asked = choose(letters, numbers);
    std::sort(asked.begin(), asked.end());
    const std::vector<std::int64_t> blocks = choose(letters, far);
    for (std::int64_t i = 0; i < letters; ++i) {
      const std::int64_t letter = below(alphabet), number = asked[static_cast<std::size_t>(i)];
      const std::int64_t source = blocks[static_cast<std::size_t>(i)] * block + 1 + below(block - 2);
      const std::int64_t question = length - 1 - letters + i;
      sequence[source - 1] = sequence[question] = number, sequence[source] = numbers + letter;
      questions.push_back(b * length + question), answers.push_back(letter), sources.push_back(source);
    }
  }
  return {{std::move(tokens), {batch, length}}, std::move(questions), std::move(answers), std::move(sources)};
}

// One way to look back: what a query sees in a sequence whose blocks have that length.
struct Attention {
  std::string name, file;
  std::function<AttentionPattern(std::int64_t block)> pattern;
  bool dense = false;
};

AttentionPattern fixed(std::int64_t block) { return Fixed{block, 1}; }

std::vector<Attention> attentions(const Options& options) {
  const std::string k = ", k = " + std::to_string(options.k);
  const auto window = [](std::int64_t block) -> AttentionPattern { return Window{block}; };
  std::vector<Attention> all = {
      {"fixed pattern" + k, "checkpoint", fixed},
      {"window of " + std::to_string(block_of(options.length)) + k, "checkpoint-window", window}};
  if (options.dense) all.push_back({"fixed pattern, dense softmax", "checkpoint-dense", fixed, true});
  return all;
}

struct CopyModel : nn::Module {
  nn::Embedding symbols, before;  // of each token, and of the one before it
  nn::RmsNorm norm1, norm2, norm3;
  nn::MultiHeadSparseAttention first, second;
  nn::Linear logits;

  CopyModel(const Options& options, Generator& generator)
      : symbols(vocabulary, options.width, generator),
        before(vocabulary, options.width, generator),
        norm1(options.width),
        norm2(options.width),
        norm3(options.width),
        first(options.width, options.heads, options.k, generator),
        second(options.width, options.heads, options.k, generator),
        logits(options.width, alphabet, generator) {}

  // The same model, parameters too, whose queries see what that pattern shows.
  CopyModel with(const Options& options, const AttentionPattern& pattern, bool dense) const {
    const auto with_pattern = [&](const nn::MultiHeadSparseAttention& layer) {
      Generator unused;
      nn::MultiHeadSparseAttention other(
          options.width, options.heads, options.k, unused,
          {.causal = true, .pattern = pattern, .method = example::method(dense)});
      other.query = layer.query, other.key = layer.key, other.value = layer.value,
      other.output = layer.output;
      return other;
    };
    CopyModel model = *this;
    model.first = with_pattern(first), model.second = with_pattern(second);
    return model;
  }

  void list(nn::Parts& parts) const override {
    parts.add("symbols", symbols), parts.add("before", before), parts.add("norm1", norm1);
    parts.add("first", first), parts.add("norm2", norm2), parts.add("second", second);
    parts.add("norm3", norm3), parts.add("logits", logits);
  }

  Tensor embedded(const Indices& tokens) const {
    const Tensor previous = slice(before(tokens), 1, 0, tokens.shape()[1] - 1);
    return symbols(tokens) + pad(previous, {{0, 0}, {1, 0}, {0, 0}});
  }
  Tensor after_first(const Tensor& x) const { return x + first(norm1(x)); }

  // The logits of the answers, (questions, 26).
  Tensor operator()(const Sequences& sequences) const {
    const Tensor x = after_first(embedded(sequences.tokens)), y = x + second(norm2(x));
    const std::int64_t width = y.extent(2);
    return logits(norm3(gather(reshape(y, {y.size() / width, width}), sequences.questions)));
  }
};

// A model, how it was trained, and which share of the letters it copies.
struct Outcome {
  Attention attention;
  CopyModel model;  // its pattern is that of the whole length
  example::Training training;
  double accuracy = 0;
};

// In each stage blocks are twice as long as before.
std::int64_t stage_count(const Options& options) {
  return 1 + std::llround(std::log2(block_of(options.length) / shortest));
}

// The first step of a stage. The first stage, in which all is to be found out, has twice the steps of the
// others.
std::int64_t first_step(std::int64_t stage, const Options& options) {
  const std::int64_t parts = stage_count(options) + 1;
  return stage == 0 ? 0 : ((stage + 1) * options.steps + parts - 1) / parts;
}

std::unique_ptr<Outcome> train(const Options& options, const Attention& attention) {
  Generator generator(options.seed);
  const training::Settings settings = {{"attention", attention.name},
                                       {"length", std::to_string(options.length)},
                                       {"steps", std::to_string(options.steps)},
                                       {"seed", std::to_string(options.seed)}};
  CopyModel parameters(options, generator);
  parameters.to(options.device);
  const std::int64_t stages = stage_count(options);
  std::vector<CopyModel> models;  // with the patterns of the stages
  for (std::int64_t stage = 0; stage < stages; ++stage)
    models.push_back(parameters.with(options, attention.pattern(shortest << stage), attention.dense));
  auto outcome = std::make_unique<Outcome>(Outcome{
      attention, models.back(), example::Training(options, attention.file, attention.name, settings)});
  optim::Adam adam(parameters.parameters(), {.learning_rate = options.learning_rate});
  const optim::Schedule rate = optim::Schedule::cosine(options.learning_rate, options.steps).warm_up(20);

  const auto step = [&](std::int64_t number) {
    std::int64_t stage = stages - 1;
    while (number < first_step(stage, options)) --stage;
    const std::int64_t length = (shortest << stage) * (shortest << stage);
    const Sequences sequences = draw(std::max<std::int64_t>(1, options.tokens / length), length,
                                     nn::generator_of(options.seed, static_cast<std::uint64_t>(number)));
    Tape tape;
    const Tensor logits = models[static_cast<std::size_t>(stage)](sequences);
    const Tensor loss = nn::cross_entropy(logits, sequences.answers);
    adam.zero_grad();
    tape.backward(loss);
    adam.set_learning_rate(rate(number));
    adam.step();
    return Measure{loss.item(), nn::accuracy(logits, sequences.answers), sequences.tokens.size()};
  };
  // Sequences that training never draws, since it counts its steps from 0.
  const auto unseen = [&](std::uint64_t number) {
    return draw(2, options.length, nn::generator_of(options.seed, ~number));
  };
  const Sequences held_out = unseen(0);
  const auto evaluate = [&] {
    const Tensor logits = outcome->model(held_out);
    return Measure{nn::cross_entropy(logits, held_out.answers).item(), nn::accuracy(logits, held_out.answers),
                   held_out.tokens.size()};
  };
  std::cout << attention.name << ": " << example::parameter_count(parameters) << " parameters" << std::endl;
  outcome->training.go({parameters, adam, generator}, step, std::max<std::int64_t>(1, options.steps / 10),
                       evaluate);
  constexpr int tests = 4;
  for (std::uint64_t i = 1; i <= tests; ++i) {
    const Sequences test = unseen(i);
    outcome->accuracy += nn::accuracy(outcome->model(test), test.answers) / tests;
  }
  return outcome;
}

// How many keys a query sees on average, and how long a step takes on one sequence: the fastest of three.
std::vector<std::string> cost(const Options& options, const CopyModel& model, double keys) {
  const Sequences one = draw(1, options.length, nn::generator_of(options.seed, ~0ULL));
  double fastest = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 3; ++i) {
    const auto start = std::chrono::steady_clock::now();
    Tape tape;
    tape.backward(nn::cross_entropy(model(one), one.answers));
    fastest =
        std::min(fastest, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return {training::number(keys, 4), training::duration(fastest)};
}

training::Rows results_of(const std::vector<std::unique_ptr<Outcome>>& outcomes, const Options& options) {
  training::Rows rows = {{"attention", "letters copied", "training time", "keys a query", "a step"}};
  const auto n = static_cast<double>(options.length), l = static_cast<double>(block_of(options.length));
  const auto add = [&](std::vector<std::string> row, const std::vector<std::string>& costs) {
    row.insert(row.end(), costs.begin(), costs.end());
    rows.push_back(std::move(row));
  };
  for (const auto& outcome : outcomes) {
    // Of a block, half on average, and of the n / l blocks before too. A window is whole but for the first l.
    const bool is_window = outcome->attention.file == "checkpoint-window";
    const double keys = is_window ? l - l * (l - 1) / (2 * n) : (l + 1) / 2 + (n / l - 1) / 2;
    add({outcome->attention.name, training::percent(outcome->accuracy),
         training::duration(outcome->training.seconds())},
        cost(options, outcome->model, keys));
  }
  add({"all keys before, k = " + std::to_string(options.k), "–", "–"},
      cost(options, outcomes[0]->model.with(options, {}, false), (n + 1) / 2));
  add({"a guess", training::percent(1.0 / alphabet), "–"}, {"–", "–"});
  return rows;
}

// What each head of a layer gives the positions of x, (1, m, width), if those from `first` on ask: (heads,
// m - first, m).
Tensor looks(const Options& options, const nn::MultiHeadSparseAttention& layer, const Tensor& x,
             std::int64_t first) {
  const std::int64_t d = options.width / options.heads;
  const auto heads = [&](const Tensor& y) {
    return transpose(reshape(y, {y.extent(1), options.heads, d}), 0, 1);
  };
  const nn::SparseAttention attention(options.k, {.scale = 1 / std::sqrt(static_cast<double>(d)),
                                                  .causal = true,
                                                  .pattern = fixed(block_of(options.length))});
  return attention.probabilities(heads(layer.query(slice(x, 1, first, x.extent(1)))), heads(layer.key(x)));
}

// What the page shows: the figures, and both hops of each letter of one word, by the model with the fixed
// pattern.
example::CopyReport report_of(const std::vector<std::unique_ptr<Outcome>>& outcomes, const Options& options) {
  const CopyModel& model = outcomes[0]->model;
  const Sequences one = draw(1, options.length, nn::generator_of(options.seed, ~0ULL));
  const std::int64_t n = options.length, block = block_of(n), letters = one.letters();
  example::CopyReport report{
      .length = n,
      .block = block,
      .settings = {{"steps", std::to_string(options.steps)},
                   {"seed", std::to_string(options.seed)},
                   {"positions", training::number(static_cast<double>(n), 9)},
                   {"block", std::to_string(block)},
                   {"k", std::to_string(options.k)},
                   {"width", std::to_string(options.width)},
                   {"heads", std::to_string(options.heads)},
                   {"parameters", training::number(static_cast<double>(example::parameter_count(model)))}},
      .results = results_of(outcomes, options),
      .stages = {},
      .runs = {},
      .letters = {},
      .far = {},
      .near = {}};
  for (const auto& outcome : outcomes) report.runs.push_back(&outcome->training);
  for (std::int64_t stage = 0; stage < stage_count(options); ++stage) {
    const std::int64_t length = (shortest << stage) * (shortest << stage);
    report.stages.push_back({static_cast<double>(first_step(stage, options)) + 0.5,
                             training::number(static_cast<double>(length), 9)});
  }

  const Tensor x = model.embedded(one.tokens), normed = model.norm1(x), y = model.norm2(model.after_first(x));
  const Tensor far = looks(options, model.second, y, n - 1 - letters);  // and one row for the last bar
  report.far = mean(sum(reshape(slice(far, 1, 0, letters), {options.heads, letters, block, block}), 3), 0);
  const Indices answers = argmax(model(one), 1), via = argmax(mean(far, 0), 1);
  std::vector<Tensor> near;
  for (std::int64_t i = 0; i < letters; ++i) {
    const std::int64_t source = one.sources[static_cast<std::size_t>(i)], end = (source / block + 1) * block;
    near.push_back(reshape(
        mean(slice(looks(options, model.first, slice(normed, 1, 0, end), end - 1), 2, end - block, end), 0),
        {block}));
    // The place that was looked at most by the one that the question looks at most.
    const std::int64_t bar_looked_at = via[i] + 1;
    const Indices from =
        argmax(mean(looks(options, model.first, slice(normed, 1, 0, bar_looked_at), via[i]), 0), 1);
    const auto letter = [](std::int64_t index) { return std::string(1, static_cast<char>('A' + index)); };
    report.letters.push_back({std::to_string(one.tokens[one.questions[i]] + 1), letter(one.answers[i]),
                              letter(answers[i]), source, one.questions[i], via[i], from[0]});
  }
  report.near = stack(near);
  return report;
}

void demo(const Options& options) {
  example::prepare_output(options);
  std::vector<std::unique_ptr<Outcome>> outcomes;
  for (const Attention& attention : attentions(options)) outcomes.push_back(train(options, attention));
  const example::CopyReport report = report_of(outcomes, options);
  std::cout << training::aligned(report.results);
  example::save_page(page(report), options);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.steps = 420, options.quick_steps = 160, options.k = 4, options.output = "taper-long-copy";
  CLI::App app(
      "Long copy: a model with the fixed pattern of sparse attention learns to copy a word that lies "
      "scattered "
      "over 16,384 positions.");
  example::add_training_options(app, options, argc, argv);
  example::add_attention_options(app, options);
  app.add_option("--length", options.length, "of the sequences in the end")
      ->check(CLI::IsMember({64, 256, 1024, 4096, 16384, 65536}))
      ->capture_default_str();
  return example::run(app, argc, argv, [&] { demo(options); });
}
