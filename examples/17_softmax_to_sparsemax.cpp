// Softmax, 1.5-entmax and sparsemax in the two other places of Martins and Astudillo's paper (arXiv
// 1602.02068, sections 4.2 and 4.3), on data that a program makes: as the output of a classifier of several
// labels, and as attention of one sentence over another. docs/softmax_to_sparsemax.md has the figures.

#include "common/support.hpp"

#include <algorithm>
#include <cmath>

using namespace taper;

namespace {

struct Options {
  std::int64_t steps = 4000, seeds = 3;
  bool quick = false;
};

const std::vector<std::pair<std::string, double>> family = {
    {"softmax", 1}, {"1.5-entmax", 1.5}, {"sparsemax", 2}};

std::int64_t below(std::int64_t n, Generator& generator) {
  return static_cast<std::int64_t>(generator.uniform() * static_cast<double>(n));
}

// `count` different numbers below n.
std::vector<std::int64_t> different(std::int64_t count, std::int64_t n, Generator& generator) {
  std::vector<std::int64_t> all = training::positions(0, n);
  for (std::int64_t i = 0; i < count; ++i) {
    std::swap(all[static_cast<std::size_t>(i)], all[static_cast<std::size_t>(i + below(n - i, generator))]);
  }
  all.resize(static_cast<std::size_t>(count));
  return all;
}

// Mean and deviation of some runs, as "81.2 ± 0.3".
std::string spread(const std::vector<double>& values) {
  const Tensor all = tensor(values, float64);
  return training::fixed(mean(all).item(), 1) + " ± " + training::fixed(stddev(all).item(), 1);
}

// ---- Several labels ----

// Each example has 1 to 6 of 20 labels; its 30 features are the sum of its labels' prototypes, over the root
// of their number, and noise.
struct Examples {
  Tensor x;       // (count, 30)
  Tensor labels;  // (count, 20): 1 at each of an example's labels, 0 elsewhere
};

Examples draw_examples(std::int64_t count, const Tensor& prototypes, Generator& generator) {
  const std::int64_t classes = prototypes.extent(0), features = prototypes.extent(1);
  Tensor labels = zeros({count, classes});
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t n = 1;
    while (n < 6 && generator.uniform() < 0.4) ++n;
    for (std::int64_t label : different(n, classes, generator))
      labels.mutable_data<float>()[i * classes + label] = 1;
  }
  const Tensor signal = matmul(labels, prototypes) / sqrt(sum(labels, 1, true));
  return {signal + 1.5 * randn({count, features}, generator), labels};
}

struct F1 {
  double micro = 0, macro = 0;
};
// Labels are those whose value exceeds the threshold.
F1 f1(const Tensor& values, const Tensor& labels, double threshold) {
  const Tensor found = where(values > threshold, ones_like(values), zeros_like(values));
  const auto score = [](const Tensor& right, const Tensor& all) {
    return 2.0 * right / maximum(all, scalar_like(1, all));
  };
  const Tensor right = sum(found * labels, 0), all = sum(found, 0) + sum(labels, 0);
  return {100 * score(sum(right), sum(all)).item(), 100 * mean(score(right, all)).item()};
}

// A linear model with one of the losses; the threshold is the one that does best in validation.
F1 classify(const std::string& name, double alpha, const Options& options, std::uint64_t seed) {
  Generator generator(seed);
  const Tensor prototypes = randn({20, 30}, generator);
  const Examples training = draw_examples(1000, prototypes, generator),
                 validation = draw_examples(500, prototypes, generator),
                 test = draw_examples(2000, prototypes, generator);
  const bool is_logistic = name == "logistic";
  nn::Linear model(30, 20, generator);
  optim::AdamW adam(model.parameters(), {.learning_rate = 0.02, .weight_decay = 0.01});
  const Tensor shares = training.labels / sum(training.labels, 1, true);
  for (std::int64_t step = 0; step < (options.quick ? 100 : 500); ++step) {
    Tape tape;
    const Tensor z = model(training.x);
    const Tensor loss = is_logistic ? nn::binary_cross_entropy_with_logits(z, training.labels)
                                    : nn::entmax_loss(z, shares, {.alpha = alpha});
    adam.zero_grad();
    tape.backward(loss);
    adam.step();
  }
  const auto values = [&](const Examples& examples) {
    const Tensor z = model(examples.x);
    return is_logistic ? sigmoid(z) : entmax(z, alpha);
  };
  const Tensor in_validation = values(validation);
  double best = -1, threshold = 0;
  for (int i = 0; i <= 50; ++i) {
    const double micro = f1(in_validation, validation.labels, 0.01 * i).micro;
    if (micro > best) best = micro, threshold = 0.01 * i;
  }
  return f1(values(test), test.labels, threshold);
}

void several_labels(const Options& options) {
  training::Rows rows{{"several labels: F1 in %", "micro", "macro"}};
  std::vector<std::pair<std::string, double>> losses = {{"logistic", 0}};
  losses.insert(losses.end(), family.begin(), family.end());
  for (const auto& [name, alpha] : losses) {
    std::vector<double> micro, macro;
    for (std::int64_t seed = 0; seed < options.seeds; ++seed) {
      const F1 found = classify(name, alpha, options, static_cast<std::uint64_t>(seed));
      micro.push_back(found.micro), macro.push_back(found.macro);
    }
    rows.push_back({name, spread(micro), spread(macro)});
  }
  std::cout << training::aligned(rows) << std::endl;
}

// ---- Two sentences ----

// A premise says of some people what colour each likes ("anna red bob blue …"), and a hypothesis says it of
// one ("bob blue"). It follows (0), is contradicted (1), or the premise does not say who that is (2).
constexpr std::int64_t people = 20, colours = 8;

struct Pairs {
  Indices premises;    // (count, 2 n): people are tokens 0 … people - 1, colours those after them
  Indices hypotheses;  // (count, 2)
  Indices answers;     // (count)
};

Pairs draw_pairs(std::int64_t count, std::int64_t n, Generator& generator) {
  std::vector<std::int64_t> premises, hypotheses, answers;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::vector<std::int64_t> who = different(n + 1, people, generator);
    std::vector<std::int64_t> likes;
    for (std::int64_t j = 0; j < n; ++j) {
      likes.push_back(below(colours, generator));
      premises.push_back(who[static_cast<std::size_t>(j)]), premises.push_back(people + likes.back());
    }
    const std::int64_t answer = below(3, generator);
    const auto about = static_cast<std::size_t>(answer == 2 ? n : below(n, generator));
    std::int64_t colour = answer == 2 ? below(colours, generator) : likes[about];
    if (answer == 1) colour = (colour + 1 + below(colours - 1, generator)) % colours;
    hypotheses.push_back(who[about]), hypotheses.push_back(people + colour);
    answers.push_back(answer);
  }
  return {{std::move(premises), {count, 2 * n}},
          {std::move(hypotheses), {count, 2}},
          Indices(std::move(answers))};
}

// As in the paper, in small: a recurrent network reads each sentence, the last state of the hypothesis looks
// at the states of the premise, and what it saw and that state decide.
struct Reader : nn::Module {
  double alpha;
  nn::Embedding words;
  nn::Gru premise, hypothesis;
  nn::Linear query, hidden, logits;

  static constexpr std::int64_t width = 48;

  Reader(double alpha, Generator& generator)
      : alpha(alpha),
        words(people + colours, width, generator),
        premise(width, width, generator),
        hypothesis(width, width, generator),
        query(width, width, generator),
        hidden(2 * width, width, generator),
        logits(width, 3, generator) {}

  void list(nn::Parts& parts) const override {
    parts.add("words", words), parts.add("premise", premise), parts.add("hypothesis", hypothesis);
    parts.add("query", query), parts.add("hidden", hidden), parts.add("logits", logits);
  }

  // What the hypothesis gives each word of the premise, (count, 1, 2 n), its last state and the premise's
  // states.
  struct Look {
    Tensor attention, state, states;
  };
  Look look(const Pairs& pairs) const {
    const Tensor states = premise(words(pairs.premises));
    const Tensor state = slice(hypothesis(words(pairs.hypotheses)), 1, 1, 2);
    const Tensor scores = bmm(query(state), states, false, true) / std::sqrt(static_cast<double>(width));
    return {entmax(scores, alpha), state, states};
  }
  Tensor operator()(const Look& seen) const {
    const Tensor both = concat({bmm(seen.attention, seen.states), seen.state}, 2);
    const Tensor z = logits(tanh(hidden(both)));
    return reshape(z, {z.extent(0), 3});
  }
};

struct Reading {
  double accuracy, longer, words;  // in per cent; the last: how many words get something
};

Reading read(double alpha, const Options& options, std::uint64_t seed) {
  constexpr std::int64_t facts = 6;
  Generator generator(seed);
  const Reader model(alpha, generator);
  optim::Adam adam(model.parameters(), {.learning_rate = 5e-3});
  const std::int64_t steps = options.quick ? options.steps / 20 : options.steps;
  const optim::Schedule rate = optim::Schedule::cosine(5e-3, steps).warm_up(20);
  for (std::int64_t step = 0; step < steps; ++step) {
    const Pairs pairs = draw_pairs(64, facts, generator);
    Tape tape;
    const Tensor loss = nn::cross_entropy(model(model.look(pairs)), pairs.answers);
    adam.zero_grad();
    tape.backward(loss);
    optim::clip_gradients(model.parameters(), 1);
    adam.set_learning_rate(rate(step));
    adam.step();
  }
  const Pairs test = draw_pairs(2000, facts, generator), longer = draw_pairs(2000, 2 * facts, generator);
  const Reader::Look seen = model.look(test);
  return {100 * nn::accuracy(model(seen), test.answers),
          100 * nn::accuracy(model(model.look(longer)), longer.answers),
          mean(sum(where(seen.attention, ones_like(seen.attention), zeros_like(seen.attention)), -1)).item()};
}

void two_sentences(const Options& options) {
  training::Rows rows{
      {"two sentences, attention by", "right, 6 facts", "right, 12 facts", "words looked at, of 12"}};
  for (const auto& [name, alpha] : family) {
    std::vector<double> accuracy, longer, words;
    for (std::int64_t seed = 0; seed < options.seeds; ++seed) {
      const Reading found = read(alpha, options, static_cast<std::uint64_t>(seed));
      accuracy.push_back(found.accuracy), longer.push_back(found.longer), words.push_back(found.words);
    }
    rows.push_back({name, spread(accuracy) + " %", spread(longer) + " %", spread(words)});
  }
  std::cout << training::aligned(rows);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Softmax, 1.5-entmax and sparsemax as the output of a classifier and as attention.");
  app.add_option("--steps", options.steps, "of training, for two sentences")
      ->check(example::at_least(1))
      ->capture_default_str();
  app.add_option("--seeds", options.seeds, "runs of each kind")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_flag("--quick", options.quick, "a short form, of a twentieth of the steps");
  return example::run(app, argc, argv, [&] {
    if (options.quick) options.seeds = std::min<std::int64_t>(options.seeds, 2);
    several_labels(options);
    two_sentences(options);
  });
}
