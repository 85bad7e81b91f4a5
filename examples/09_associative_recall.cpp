// Associative recall: a model reads pairs of a key and its value, and is later asked for the
// value of each key.
//
//   k3 v7 k1 v2 …  .  .  k1  .  k3  .        the answers: v2 at k1, v7 at k3
//
// This is the task MQAR (multi-query associative recall) of Arora et al., Zoology, arXiv 2312.04927. Two
// layers of causal attention solve it. In the first, each value takes over the key that stands before it. In
// the second, each question finds the place whose key is its own. Each head of a query may look at k places
// only, so the second layer has to find the one right place among all of them.
//
// A model that starts with the whole task takes long to notice that there is something to find. So training
// begins with one pair and doubles pairs and length, in stages with the same number of steps. With rotary
// positions, what is learnt at one length holds at the next. Batches have a fixed number of tokens: first
// many short sequences, then fewer long ones, with as many questions in each step.

#include "common/support.hpp"
#include "common/training.hpp"
#include "pages/associative_recall.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

using namespace taper;
using example::Measure;

namespace {

struct Options : example::AttentionOptions {
  std::int64_t pairs = 8, length = 64, vocabulary = 64;
  std::int64_t width = 64, heads = 2, tokens = 4096;
  double learning_rate = 3e-3;
  bool hard = false;
};

// Sequences of one length, with as many questions each. Place i of sequence b is b length + i.
struct Sequences {
  Indices tokens;                     // (batch, length)
  Indices questions;                  // (batch pairs): the places of the questions
  Indices answers;                    // (batch pairs): the value of each
  std::vector<std::int64_t> sources;  // (batch pairs): where in its sequence that value stands
};

// Token 0 fills the gaps, keys come from the lower half of the vocabulary and values from the upper half. No
// key occurs twice among the pairs of a sequence, and each is asked for once, anywhere after the pairs.
Sequences draw(std::int64_t batch, std::int64_t pairs, std::int64_t length, std::int64_t vocabulary,
               Generator generator) {
  const std::int64_t half = vocabulary / 2;
  const auto below = [&](std::int64_t n) {
    return static_cast<std::int64_t>(generator.uniform() * static_cast<double>(n));
  };
  // The first `count` elements of the list become a random choice from it, in random order.
  const auto choose = [&](std::vector<std::int64_t> list, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t other = i + below(static_cast<std::int64_t>(list.size()) - i);
      std::swap(list[static_cast<std::size_t>(i)], list[static_cast<std::size_t>(other)]);
    }
    list.resize(static_cast<std::size_t>(count));
    return list;
  };
  std::vector<std::int64_t> tokens(static_cast<std::size_t>(batch * length)), questions, answers, sources;
  for (std::int64_t b = 0; b < batch; ++b) {
    const auto keys = choose(training::positions(1, half), pairs);
    const auto places = choose(training::positions(2 * pairs, length), pairs);
    for (std::int64_t i = 0; i < pairs; ++i) {
      const std::int64_t key = keys[static_cast<std::size_t>(i)], value = half + below(vocabulary - half);
      const std::int64_t question = b * length + places[static_cast<std::size_t>(i)];
      tokens[static_cast<std::size_t>(b * length + 2 * i)] = key;
      tokens[static_cast<std::size_t>(b * length + 2 * i + 1)] = value;
      tokens[static_cast<std::size_t>(question)] = key;
      questions.push_back(question), answers.push_back(value), sources.push_back(2 * i + 1);
    }
  }
  return {{std::move(tokens), {batch, length}}, std::move(questions), std::move(answers), std::move(sources)};
}

struct RecallModel : nn::Module {
  nn::Embedding symbols;
  nn::RmsNorm norm1, norm2, norm3;
  nn::MultiHeadSparseAttention first, second;
  nn::Linear logits;

  RecallModel(const Options& options, bool dense, Generator& generator)
      : symbols(options.vocabulary, options.width, generator),
        norm1(options.width),
        norm2(options.width),
        norm3(options.width),
        first(options.width, options.heads, options.k, generator,
              {.causal = true, .rotary = true, .method = example::method(dense)}),
        second(options.width, options.heads, options.k, generator,
               {.causal = true, .rotary = true, .method = example::method(dense)}),
        logits(options.width, options.vocabulary, generator) {}

  void list(nn::Parts& parts) const override {
    parts.add("symbols", symbols), parts.add("norm1", norm1), parts.add("first", first);
    parts.add("norm2", norm2), parts.add("second", second), parts.add("norm3", norm3);
    parts.add("logits", logits);
  }

  Tensor after_first(const Indices& tokens) const {
    const Tensor x = symbols(tokens);
    return x + first(norm1(x));
  }

  // The logits of the answers, (questions, vocabulary).
  Tensor operator()(const Sequences& sequences) const {
    const Tensor x = after_first(sequences.tokens);
    const Tensor y = x + second(norm2(x));
    const std::int64_t width = y.extent(2);
    return logits(norm3(gather(reshape(y, {y.size() / width, width}), sequences.questions)));
  }

  // What each query gives each key, (batch, heads, length, length), in the first and in the second layer.
  std::pair<Tensor, Tensor> attention(const Indices& tokens) const {
    return {first.probabilities(norm1(symbols(tokens))), second.probabilities(norm2(after_first(tokens)))};
  }
};

// The share of questions whose right place is among the k keys to which some head of the second layer gives
// most: a question about a key that sparse attention drops has no answer.
double support_recall(const Tensor& probabilities, const Sequences& sequences, std::int64_t k) {
  const std::int64_t heads = probabilities.extent(1), length = probabilities.extent(2);
  const Tensor host = probabilities.to(Device::cpu());
  std::int64_t found = 0;
  for (std::int64_t i = 0; i < sequences.questions.size(); ++i) {
    const std::int64_t b = sequences.questions[i] / length, query = sequences.questions[i] % length;
    bool kept = false;
    for (std::int64_t head = 0; head < heads && !kept; ++head) {
      const float* row = host.data<float>() + ((b * heads + head) * length + query) * length;
      const float weight = row[sequences.sources[static_cast<std::size_t>(i)]];
      kept = weight > 0 && std::count_if(row, row + length, [&](float p) { return p > weight; }) < k;
    }
    found += kept;
  }
  return static_cast<double>(found) / static_cast<double>(sequences.questions.size());
}

// A model, how it was trained, and how well it does.
struct Outcome {
  std::string name;
  RecallModel model;
  example::Training training;
  double accuracy = 0, recall = 0;
};

// Stages have the same number of steps. In the first there is one pair, and in each twice as many as before.
std::int64_t stage_count(const Options& options) {
  return 1 + static_cast<std::int64_t>(std::log2(options.pairs));
}

std::unique_ptr<Outcome> train(const Options& options, bool dense) {
  const std::string name = dense ? "dense softmax" : "sparse, k = " + std::to_string(options.k);
  Generator generator(options.seed);
  const training::Settings settings = {
      {"task", std::to_string(options.pairs) + " pairs in " + std::to_string(options.length) + " tokens"},
      {"attention", name},
      {"steps", std::to_string(options.steps)},
      {"seed", std::to_string(options.seed)}};
  auto outcome = std::make_unique<Outcome>(
      Outcome{name, RecallModel(options, dense, generator),
              example::Training(options, dense ? "checkpoint-dense" : "checkpoint", name, settings)});
  const RecallModel& model = outcome->model;
  model.to(options.device);
  optim::Adam adam(model.parameters(), {.learning_rate = options.learning_rate});

  const std::int64_t stages = stage_count(options);
  const auto step = [&](std::int64_t number) {
    const std::int64_t halvings = stages - 1 - std::min(number * stages / options.steps, stages - 1);
    const std::int64_t length = options.length >> halvings;
    const Sequences sequences =
        draw(options.tokens / length, options.pairs >> halvings, length, options.vocabulary,
             nn::generator_of(options.seed, static_cast<std::uint64_t>(number)));
    Tape tape;
    const Tensor logits = model(sequences);
    const Tensor loss = nn::cross_entropy(logits, sequences.answers);
    adam.zero_grad();
    tape.backward(loss);
    adam.step();
    return Measure{loss.item(), nn::accuracy(logits, sequences.answers), sequences.tokens.size()};
  };
  // Sequences that training never draws, since it counts its steps from 0.
  const auto unseen = [&](std::int64_t count, std::uint64_t number) {
    return draw(count, options.pairs, options.length, options.vocabulary,
                nn::generator_of(options.seed, ~number));
  };
  const Sequences held_out = unseen(options.tokens / options.length, 0);
  const auto evaluate = [&] {
    const Tensor logits = model(held_out);
    return Measure{nn::cross_entropy(logits, held_out.answers).item(),
                   nn::accuracy(logits, held_out.answers)};
  };
  std::cout << name << ": " << example::parameter_count(model) << " parameters" << std::endl;
  outcome->training.go({model, adam, generator}, step, std::max<std::int64_t>(1, options.steps / 20),
                       evaluate);

  constexpr int tests = 8;
  for (std::uint64_t i = 1; i <= tests; ++i) {
    const Sequences test = unseen(options.tokens / options.length, i);
    outcome->accuracy += nn::accuracy(model(test), test.answers) / tests;
    outcome->recall += support_recall(model.attention(test.tokens).second, test, options.k) / tests;
  }
  return outcome;
}

// What the page shows: the figures, and the heads on one sequence.
example::RecallReport report_of(const std::vector<std::unique_ptr<Outcome>>& outcomes,
                                const Options& options) {
  const Sequences one =
      draw(1, options.pairs, options.length, options.vocabulary, nn::generator_of(options.seed, ~0ULL));
  example::RecallReport report{
      .vocabulary = options.vocabulary,
      .settings = {{"steps", std::to_string(options.steps)},
                   {"seed", std::to_string(options.seed)},
                   {"k", std::to_string(options.k)},
                   {"vocabulary", std::to_string(options.vocabulary)},
                   {"width", std::to_string(options.width)},
                   {"heads", std::to_string(options.heads)},
                   {"tokens a batch", std::to_string(options.tokens)},
                   {"parameters",
                    training::number(static_cast<double>(example::parameter_count(outcomes[0]->model)))}},
      .results = {{"attention", "test accuracy", "support recall", "training time"}},
      .sequence = {one.tokens, one.questions, one.sources},
      .stages = {},
      .runs = {}};
  const std::int64_t stages = stage_count(options);
  for (std::int64_t stage = 0; stage < stages; ++stage) {
    const auto steps_before = static_cast<double>((stage * options.steps + stages - 1) / stages);
    report.stages.push_back(
        {steps_before + 0.5, std::to_string(1 << stage) + (stage == 0 ? " pair" : " pairs")});
  }
  for (const auto& outcome : outcomes) {
    report.results.push_back({outcome->name, training::percent(outcome->accuracy),
                              training::percent(outcome->recall),
                              training::duration(outcome->training.seconds())});
    report.runs.push_back({outcome->name, &outcome->training, outcome->model.attention(one.tokens)});
  }
  return report;
}

void demo(Options& options) {
  if (options.hard) options.pairs = 16, options.length = 128, options.vocabulary = 256;
  std::vector<std::unique_ptr<Outcome>> outcomes;
  example::prepare_output(options);
  outcomes.push_back(train(options, false));
  if (options.dense) outcomes.push_back(train(options, true));

  const example::RecallReport report = report_of(outcomes, options);
  std::cout << training::aligned(report.results);
  example::save_page(page(report), options);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.steps = 400, options.quick_steps = 250, options.k = 4, options.output = "taper-recall";
  CLI::App app(
      "Associative recall: a model with sparse attention learns to look up the values of keys that it has "
      "read.");
  example::add_training_options(app, options, argc, argv);
  example::add_attention_options(app, options);
  app.add_flag("--hard", options.hard, "16 pairs in 128 tokens, of 256 symbols, instead of 8 in 64, of 64");
  return example::run(app, argc, argv, [&] { demo(options); });
}
