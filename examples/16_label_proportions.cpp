// Label proportions: which topics is a document about, and how much of it is each? Documents are drawn by a
// program, so that the right answer is known, and most of it is zeros: softmax can't give one, sparsemax can.
//
// The simulation of section 4.1 of Martins and Astudillo, From Softmax to Sparsemax (arXiv 1602.02068). A
// linear model sees how often each word stands in a document, and answers with proportions; it is trained
// with the logistic loss, the loss of 1.5-entmax or sparsemax's: entmax_loss with alpha = 1, 1.5, 2. All
// lengths of documents, losses and penalties are trained together, as one batched product.

#include "common/support.hpp"
#include "common/training.hpp"
#include "pages/label_proportions.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

using namespace taper;
using example::Measure;

namespace {

const std::vector<std::int64_t> lengths = {200, 400, 800, 1200, 2000};  // mean numbers of words
const std::vector<std::pair<std::string, double>> losses = {
    {"softmax", 1}, {"1.5-entmax", 1.5}, {"sparsemax", 2}};
const std::vector<double> penalties = {1e-5, 1e-4, 1e-3, 1e-2};  // of |W|^2 / 2; validation chooses
constexpr std::int64_t training_documents = 1200, validation_documents = 200, test_documents = 1000;

const auto length_count = static_cast<std::int64_t>(lengths.size());
const auto loss_count = static_cast<std::int64_t>(losses.size());
const auto penalty_count = static_cast<std::int64_t>(penalties.size());

struct Options : example::TrainingOptions {
  std::int64_t labels = 0;  // 0: 10, and in the full form 50
  std::int64_t batch = 300;
  double learning_rate = 0.05;
};

// One of the paper's settings: as many words as labels, and each of a document's labels has the same share,
// or shares drawn from a flat Dirichlet distribution.
struct Setting {
  std::int64_t labels;
  bool is_random;
  std::string name() const {
    return std::to_string(labels) + " labels, " + (is_random ? "random" : "uniform") + " proportions";
  }
};

// Equally many documents of each length, (lengths, 1, count, K) both: how often each word occurs, less its mean in
// training and over its deviation there, and the true proportions.
struct Documents {
  Tensor words, proportions;
  std::int64_t count() const { return words.extent(2); }
};

// Positive numbers that sum to 1.
std::vector<double> shares(std::size_t count, const std::function<double()>& draw) {
  std::vector<double> result(count);
  double total = 0;
  for (double& share : result) total += share = draw();
  for (double& share : result) share /= total;
  return result;
}

// The first index at which the running sum of the shares exceeds a number drawn below 1.
std::size_t draw_index(const std::vector<double>& shares, Generator& generator) {
  double rest = generator.uniform();
  std::size_t i = 0;
  while (i + 1 < shares.size() && (rest -= shares[i]) >= 0) ++i;
  return i;
}

double exponential(Generator& generator) { return -std::log(1 - generator.uniform()); }

// Poisson: how many events fall into `mean` units of time if one is expected in each.
std::int64_t poisson(double mean, Generator& generator) {
  std::int64_t count = -1;
  for (double time = 0; time <= mean; ++count) time += exponential(generator);
  return count;
}

// Documents of about `length` words, count of them, as two rows of `labels` numbers each: words and
// proportions. What a label's words are, and how frequent a label is, comes from a generator of its own.
void draw_documents(const Setting& setting, std::int64_t length, std::int64_t count, Generator topics,
                    Generator generator, float* words, float* proportions) {
  const auto n = static_cast<std::size_t>(setting.labels);
  const auto flat = [&] { return topics.uniform(); };
  const std::vector<double> frequency = shares(n, flat);
  std::vector<std::vector<double>> vocabulary;
  for (std::size_t label = 0; label < n; ++label) vocabulary.push_back(shares(n, flat));
  for (std::int64_t document = 0; document < count; ++document, words += n, proportions += n) {
    std::int64_t labels = 0;
    while (labels == 0 || labels > setting.labels) labels = poisson(1, generator);
    std::vector<std::size_t> chosen;
    while (static_cast<std::int64_t>(chosen.size()) < labels) {
      const std::size_t label = draw_index(frequency, generator);
      if (std::find(chosen.begin(), chosen.end(), label) == chosen.end()) chosen.push_back(label);
    }
    const std::vector<double> share =
        shares(chosen.size(), [&] { return setting.is_random ? exponential(generator) : 1; });
    std::vector<double> mixture(n);
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      proportions[chosen[i]] = static_cast<float>(share[i]);
      for (std::size_t word = 0; word < n; ++word) mixture[word] += share[i] * vocabulary[chosen[i]][word];
    }
    const std::int64_t total = std::max<std::int64_t>(1, poisson(static_cast<double>(length), generator));
    for (std::int64_t i = 0; i < total; ++i) ++words[draw_index(mixture, generator)];
    for (std::size_t word = 0; word < n; ++word) words[word] /= static_cast<float>(total);
  }
}

struct Splits {
  Documents training, validation, test;
};

Splits draw(const Setting& setting, const Options& options) {
  const std::int64_t count = training_documents + validation_documents + test_documents, k = setting.labels;
  Tensor words = zeros({length_count, 1, count, k}), proportions = zeros({length_count, 1, count, k});
  const auto stream = static_cast<std::uint64_t>(2 * k + setting.is_random);
  for (std::int64_t i = 0; i < length_count; ++i) {
    draw_documents(
        setting, lengths[static_cast<std::size_t>(i)], count, nn::generator_of(options.seed, ~stream),
        nn::generator_of(options.seed, stream * 100 + static_cast<std::uint64_t>(i)),
        words.mutable_data<float>() + i * count * k, proportions.mutable_data<float>() + i * count * k);
  }
  const Tensor seen = slice(words, 2, 0, training_documents);
  words = (words - mean(seen, 2, true)) / stddev(seen, 2, true);
  words = words.to(options.device), proportions = proportions.to(options.device);
  const auto part = [&](std::int64_t from, std::int64_t to) {
    return Documents{slice(words, 2, from, to), slice(proportions, 2, from, to)};
  };
  return {part(0, training_documents), part(training_documents, count - test_documents),
          part(count - test_documents, count)};
}

// A linear model for each length, loss and penalty.
struct Estimators : nn::Module {
  Tensor weight, bias;  // (lengths, losses * penalties, K, K) and (…, 1, K)

  explicit Estimators(std::int64_t labels)
      : weight(zeros({length_count, loss_count * penalty_count, labels, labels}).requires_grad()),
        bias(zeros({length_count, loss_count * penalty_count, 1, labels}).requires_grad()) {}

  void list(nn::Parts& parts) const override { parts.add("weight", weight), parts.add("bias", bias); }

  // The scores of words (lengths, 1, n, K) by the models of one loss, (lengths, penalties, n, K).
  Tensor operator()(const Tensor& words, std::int64_t loss) const {
    const std::int64_t from = loss * penalty_count, to = from + penalty_count;
    return matmul(words, slice(weight, 1, from, to)) + slice(bias, 1, from, to);
  }

  Tensor proportions(const Tensor& words, std::int64_t loss) const {
    return entmax((*this)(words, loss), losses[static_cast<std::size_t>(loss)].second);
  }
};

Tensor repeated(const Tensor& proportions) {
  Shape shape = proportions.shape();
  shape[1] = penalty_count;
  return broadcast_to(proportions, shape);
}

// The mean loss of all models of one loss.
Tensor loss_of(const Estimators& model, const Tensor& words, const Tensor& proportions, std::int64_t loss) {
  return nn::entmax_loss(model(words, loss), repeated(proportions),
                         {.alpha = losses[static_cast<std::size_t>(loss)].second});
}

// sum_i a_i log(a_i / b_i), where b is not 0 unless a is.
Tensor divergence(const Tensor& a, const Tensor& b) {
  const Tensor one = ones_like(a);
  return sum(a * log(where(a, a, one) / where(a, b, one)), -1);
}

// What is measured of each model on documents: means over the documents, (lengths, penalties).
struct Errors {
  Tensor jensen_shannon, squared;
  Tensor exact;  // the share of documents whose labels are exactly those with a proportion above 0
};
Errors errors(const Estimators& model, const Documents& documents, std::int64_t loss) {
  const Tensor p = model.proportions(documents.words, loss), q = repeated(documents.proportions),
               middle = (p + q) / 2;
  const Tensor differs = not_equal(p > 0, q > 0);
  return {mean(divergence(p, middle) + divergence(q, middle), -1) / 2, mean(sum(square(p - q), -1), -1),
          1 - mean(max(differs, -1), -1)};
}

// The share of the longest documents whose labels sparsemax finds exactly, averaged over the penalties.
double exact_of(const Estimators& model, const Documents& documents) {
  return mean(slice(errors(model, documents, loss_count - 1).exact, 0, length_count - 1, length_count))
      .item();
}

struct Outcome {
  Setting setting;
  Estimators model;
  example::Training training;
  std::vector<example::ProportionsReport::Curve> curves = {};  // one for each loss
  Documents test;
  std::vector<std::int64_t> chosen = {};  // the penalty of each loss for the longest documents
};

// Training: minibatches of the same documents of each length.
std::unique_ptr<Outcome> train(const Setting& setting, const Options& options) {
  const Splits documents = draw(setting, options);
  const std::string file =
      "checkpoint-" + std::to_string(setting.labels) + (setting.is_random ? "-random" : "-uniform");
  const training::Settings settings = {{"setting", setting.name()},
                                       {"steps", std::to_string(options.steps)},
                                       {"seed", std::to_string(options.seed)}};
  auto outcome = std::make_unique<Outcome>(Outcome{.setting = setting,
                                                   .model = Estimators(setting.labels),
                                                   .training = {options, file, setting.name(), settings},
                                                   .test = documents.test});
  const Estimators& model = outcome->model;
  model.to(options.device);
  Generator generator(options.seed);
  optim::Adam adam(model.parameters(), {.learning_rate = options.learning_rate});
  const optim::Schedule rate = optim::Schedule::cosine(options.learning_rate, options.steps);
  nn::Batches batches(training_documents, options.batch, options.seed);
  Tensor penalty = zeros({1, loss_count * penalty_count, 1, 1});
  for (std::int64_t i = 0; i < penalty.size(); ++i) {
    penalty.mutable_data<float>()[i] =
        static_cast<float>(penalties[static_cast<std::size_t>(i % penalty_count)]);
  }
  penalty = penalty.to(options.device);

  const auto step = [&](std::int64_t number) {
    const Indices picked(batches(number));
    const Documents batch{gather(documents.training.words, picked, 2),
                          gather(documents.training.proportions, picked, 2)};
    Tape tape;
    // The mean over all models of loss and penalty.
    Tensor loss = sum(penalty * square(model.weight)) / static_cast<double>(2 * length_count * penalty_count);
    for (std::int64_t i = 0; i < loss_count; ++i)
      loss = loss + loss_of(model, batch.words, batch.proportions, i);
    loss = loss / static_cast<double>(loss_count);
    adam.zero_grad();
    tape.backward(loss);
    adam.set_learning_rate(rate(number));
    adam.step();
    return Measure{loss.item(), exact_of(model, batch), picked.size() * length_count};
  };
  const auto evaluate = [&] {
    double loss = 0;
    for (std::int64_t i = 0; i < loss_count; ++i) {
      loss += loss_of(model, documents.validation.words, documents.validation.proportions, i).item();
    }
    return Measure{loss / static_cast<double>(loss_count), exact_of(model, documents.validation),
                   documents.validation.count()};
  };
  std::cout << setting.name() << ": " << length_count * loss_count * penalty_count << " models, "
            << example::parameter_count(model) << " parameters" << std::endl;
  outcome->training.go({model, adam, generator}, step, std::max<std::int64_t>(1, options.steps / 20),
                       evaluate);

  for (std::int64_t i = 0; i < loss_count; ++i) {
    const Errors validation = errors(model, documents.validation, i), test = errors(model, documents.test, i);
    example::ProportionsReport::Curve curve{losses[static_cast<std::size_t>(i)].first, {}, {}, {}};
    // The error of each length's model whose validation error is the smallest.
    const auto chosen = [](const Tensor& of_validation, const Tensor& of_test) {
      const Indices best = argmin(of_validation, 1);
      std::vector<double> values = of_test.to_vector(), result;
      for (std::int64_t l = 0; l < length_count; ++l) {
        result.push_back(values[static_cast<std::size_t>(l * penalty_count + best[l])]);
      }
      return result;
    };
    curve.jensen_shannon = chosen(validation.jensen_shannon, test.jensen_shannon);
    curve.squared = chosen(validation.squared, test.squared);
    curve.exact = chosen(1 - validation.exact, test.exact);
    outcome->chosen.push_back(argmin(validation.jensen_shannon, 1)[length_count - 1]);
    outcome->curves.push_back(std::move(curve));
  }
  return outcome;
}

// The test documents with the numbers first, …, first + count - 1 of the longest: the truth, and what each
// loss makes of it.
std::vector<example::ProportionsReport::Document> documents_of(const Outcome& outcome, std::int64_t count) {
  const std::int64_t labels = outcome.setting.labels, last = length_count - 1;
  std::vector<example::ProportionsReport::Document> documents;
  const auto add = [&](const std::string& name, const Tensor& proportions, std::int64_t model) {
    const Tensor longest = slice(slice(proportions, 0, last, last + 1), 1, model, model + 1);
    for (std::int64_t i = 0; i < count; ++i) {
      if (static_cast<std::int64_t>(documents.size()) <= i) documents.emplace_back();
      documents[static_cast<std::size_t>(i)].rows.push_back(
          {name, reshape(slice(longest, 2, i, i + 1), {labels})});
    }
  };
  add("truth", outcome.test.proportions, 0);
  for (std::int64_t i = 0; i < loss_count; ++i) {
    add(losses[static_cast<std::size_t>(i)].first, outcome.model.proportions(outcome.test.words, i),
        outcome.chosen[static_cast<std::size_t>(i)]);
  }
  return documents;
}

example::ProportionsReport report_of(const std::vector<std::unique_ptr<Outcome>>& outcomes,
                                     const Options& options) {
  std::string grid;
  for (const double penalty : penalties) grid += (grid.empty() ? "" : ", ") + training::number(penalty);
  example::ProportionsReport report{
      .settings = {{"steps", std::to_string(options.steps)},
                   {"seed", std::to_string(options.seed)},
                   {"documents to learn from", std::to_string(training_documents)},
                   {"to choose the penalty", std::to_string(validation_documents)},
                   {"to be tested on", std::to_string(test_documents)},
                   {"penalties", grid}},
      .lengths = {lengths.begin(), lengths.end()},
      .runs = {}};
  for (const auto& outcome : outcomes) {
    report.runs.push_back({outcome->setting.name(), &outcome->training, outcome->curves, {}});
    if (outcome->setting.labels <= 10) report.runs.back().documents = documents_of(*outcome, 6);
  }
  return report;
}

void demo(const Options& options) {
  std::vector<std::int64_t> counts{options.labels};
  if (options.labels == 0)
    counts = options.quick ? std::vector<std::int64_t>{10} : std::vector<std::int64_t>{10, 50};
  example::prepare_output(options);
  std::vector<std::unique_ptr<Outcome>> outcomes;
  for (const std::int64_t labels : counts) {
    for (const bool is_random : {false, true}) outcomes.push_back(train({labels, is_random}, options));
  }
  const example::ProportionsReport report = report_of(outcomes, options);
  for (const auto& run : report.runs) std::cout << training::aligned(table_of(report, run));
  example::save_page(page(report), options);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.steps = 300, options.quick_steps = 60, options.output = "taper-label-proportions";
  options.unit = "documents";
  CLI::App app(
      "Label proportions: what a document is about, and how much of it, by softmax and by sparsemax.");
  example::add_training_options(app, options, argc, argv);
  app.add_option("--labels", options.labels,
                 "as many labels and words (by default 10, and 50 without --quick)")
      ->check(CLI::Range(2, 200));
  return example::run(app, argc, argv, [&] { demo(options); });
}
