// Penguins: female or male? Learned from a table in which some columns are text and some values are missing.
//
// The table is that of palmerpenguins (examples/fetch_data.sh gets it): 344 penguins of three species on the
// islands of the Palmer Archipelago. --answer species asks for another column instead.

#include "common/support.hpp"
#include "common/training.hpp"
#include "pages/penguins.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>

using namespace taper;
using example::Measure;

namespace {

const std::vector<std::string> measures = {"bill_length_mm", "bill_depth_mm", "flipper_length_mm",
                                           "body_mass_g"};
const std::vector<std::string> words = {"species", "island", "sex"};
const std::string unknown = "not known";

struct Options : example::TrainingOptions {
  std::string path = TAPER_PENGUINS, answer = "sex";
  std::int64_t width = 32, batch = 32;
  double learning_rate = 3e-3, weight_decay = 0.1, test = 0.25;
};

// A column of the file, and the stretch of columns of x that it became: one if it holds numbers, and if it
// holds text, one for each word, 1 where the penguin has it.
struct Column {
  std::string name;
  std::int64_t first, last;
};

// The rows of x are those of the file.
struct Table {
  CsvTable file;
  std::vector<Column> columns;
  Tensor x;                                // NaN where a number is missing
  nn::Dataset<Indices, Indices> answered;  // numbers of rows, and their answers: not all have one
  std::vector<std::string> names;          // of the answers
};

// The rows of a column in which it is known.
nn::Dataset<Indices, Indices> known_rows(const CsvLabels& labels, const std::vector<std::string>& names) {
  std::vector<std::int64_t> rows, answers;
  for (std::int64_t row = 0; row < labels.indices.size(); ++row) {
    const std::string& name = labels.names[static_cast<std::size_t>(labels.indices[row])];
    if (name == unknown) continue;
    rows.push_back(row), answers.push_back(std::find(names.begin(), names.end(), name) - names.begin());
  }
  return {Indices(std::move(rows)), Indices(std::move(answers))};
}

Table read_table(const Options& options) {
  if (options.path == TAPER_PENGUINS && !std::filesystem::exists(options.path)) {
    throw Error(options.path + ": is not there; examples/fetch_data.sh penguins fetches it");
  }
  CsvTable file = load_csv_table(options.path, {.missing = {"", "NA"}});
  std::vector<Column> columns;
  std::vector<Tensor> parts;
  const auto add = [&](const std::string& name, const Tensor& part) {
    const std::int64_t first = columns.empty() ? 0 : columns.back().last;
    columns.push_back({name, first, first + part.extent(1)});
    parts.push_back(part);
  };
  for (const std::string& name : measures) {
    add(name, file.numbers({name}, {.missing = std::numeric_limits<double>::quiet_NaN()}));
  }
  for (const std::string& name : words) {
    if (name == options.answer) continue;
    const CsvLabels labels = file.labels(name, {.missing = unknown});
    add(name, one_hot(labels.indices, static_cast<std::int64_t>(labels.names.size())));
  }
  const CsvLabels answers = file.labels(options.answer, {.missing = unknown});
  std::vector<std::string> names = answers.names;
  std::erase(names, unknown);
  return {std::move(file), std::move(columns), concat(parts, 1), known_rows(answers, names),
          std::move(names)};
}

// The mean of each column over the rows in which it is known.
Tensor known_means(const Tensor& x) {
  const Tensor known = equal(x, x);  // NaN is not equal to itself
  return sum(where(known, x, zeros_like(x)), 0) / sum(known, 0);
}

// Penguins x (count, columns) and answers.
using Penguins = nn::Dataset<Tensor, Indices>;

struct Outcome {
  nn::Sequential model;
  example::Training training;
  Measure after;
};

Measure measure(const nn::Sequential& model, const Penguins& penguins) {
  const Tensor logits = model(penguins.x);
  return {nn::cross_entropy(logits, penguins.y).item(), nn::accuracy(logits, penguins.y), penguins.size()};
}

Outcome train(const Options& options, const Penguins& penguins, const Penguins& test, std::int64_t classes) {
  Generator generator(options.seed);
  Outcome outcome{
      nn::Sequential{nn::Standardize(penguins.x), nn::Linear(penguins.x.extent(1), options.width, generator),
                     relu, nn::Linear(options.width, classes, generator)},
      example::Training(options, "checkpoint", "perceptron",
                        {{"answer", options.answer},
                         {"steps", std::to_string(options.steps)},
                         {"seed", std::to_string(options.seed)},
                         {"file", options.path}}),
      {}};
  const nn::Sequential& model = outcome.model;
  model.to(options.device);
  optim::AdamW adam(model.parameters(),
                    {.learning_rate = options.learning_rate, .weight_decay = options.weight_decay});
  nn::Batches batches(penguins.size(), options.batch, options.seed);
  const auto step = [&](std::int64_t number) {
    const auto [x, y] = penguins.select(batches(number));
    Tape tape;
    const Tensor logits = model(x);
    const Tensor loss = nn::cross_entropy(logits, y);
    adam.zero_grad();
    tape.backward(loss);
    adam.step();
    return Measure{loss.item(), nn::accuracy(logits, y), y.size()};
  };
  std::cout << model << '\n';
  outcome.training.go({model, adam, generator}, step, std::max<std::int64_t>(1, options.steps / 20),
                      [&] { return measure(model, test); });
  outcome.after = measure(model, test);
  return outcome;
}

// How often the model is right on the test penguins if a column is shuffled among them, so that it says
// nothing: what the column is worth. The mean of several orders.
double accuracy_without(const Column& column, const nn::Sequential& model, const Penguins& test) {
  constexpr int orders = 20;
  double sum = 0;
  for (int i = 0; i < orders; ++i) {
    const Indices order = nn::Batches(test.size(), test.size(), static_cast<std::uint64_t>(i))(0);
    const Tensor shuffled = gather(slice(test.x, 1, column.first, column.last), order);
    const Tensor x = concat(
        {slice(test.x, 1, 0, column.first), shuffled, slice(test.x, 1, column.last, test.x.extent(1))}, 1);
    sum += nn::accuracy(model(x), test.y);
  }
  return sum / orders;
}

// What the page shows: the figures, what the columns are worth, and the penguins that were taken for others.
example::PenguinsReport report_of(const Outcome& outcome, const Options& options, const Table& table,
                                  const Indices& rows, const Penguins& training, const Penguins& test) {
  const Tensor logits = outcome.model(test.x);
  example::PenguinsReport report{
      .answer = options.answer,
      .settings = {{"steps", std::to_string(options.steps)},
                   {"seed", std::to_string(options.seed)},
                   {"width", std::to_string(options.width)},
                   {"batch", std::to_string(options.batch)},
                   {"penguins to learn from", std::to_string(training.size())},
                   {"to be tested on", std::to_string(test.size())},
                   {"parameters",
                    training::number(static_cast<double>(example::parameter_count(outcome.model)))}},
      .results = {{"answer", "test accuracy", "test loss", "training time"},
                  {options.answer, training::percent(outcome.after.accuracy),
                   training::fixed(outcome.after.loss, 3), training::duration(outcome.training.seconds())}},
      .names = table.names,
      .confusion = nn::confusion_matrix(logits, test.y),
      .columns = {{"column", "accuracy if it is shuffled", "lost"}},
      .mistakes = {{"taken for"}},
      .training = &outcome.training};
  for (const Column& column : table.columns) {
    const double accuracy = accuracy_without(column, outcome.model, test);
    report.columns.push_back({column.name, training::percent(accuracy),
                              training::fixed(100 * (outcome.after.accuracy - accuracy), 1) + " points"});
  }
  for (const std::string& name : table.file.names()) report.mistakes[0].push_back(name);
  const Indices answers = argmax(logits, 1);
  for (std::int64_t i = 0; i < test.size(); ++i) {
    if (answers[i] == test.y[i]) continue;
    report.mistakes.push_back({table.names[static_cast<std::size_t>(answers[i])]});
    for (const std::string& name : table.file.names()) {
      report.mistakes.back().push_back(table.file.texts(name)[static_cast<std::size_t>(rows[i])]);
    }
  }
  return report;
}

void demo(const Options& options) {
  const Table table = read_table(options);
  const auto [training_rows, test_rows] = table.answered.split(options.test, /*seed=*/0);
  // What is missing gets the mean of the penguins to learn from: nothing is taken from those to be tested on.
  const Tensor means = known_means(gather(table.x, training_rows.x)),
               x = where(equal(table.x, table.x), table.x, means).to(options.device);
  const Penguins training(gather(x, training_rows.x), training_rows.y),
      test(gather(x, test_rows.x), test_rows.y);

  example::prepare_output(options);
  const Outcome outcome = train(options, training, test, static_cast<std::int64_t>(table.names.size()));
  const example::PenguinsReport report = report_of(outcome, options, table, test_rows.x, training, test);
  std::cout << training::aligned(report.results) << '\n' << training::aligned(report.columns);
  example::save_page(page(report), options);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.steps = 300, options.quick_steps = 200, options.unit = "penguins",
  options.output = "taper-penguins";
  CLI::App app("Penguins: a perceptron learns from a table with text columns and missing values.");
  app.add_option("penguins", options.path, "palmerpenguins' penguins.csv, or a table with its columns")
      ->capture_default_str();
  example::add_training_options(app, options, argc, argv);
  app.add_option("--answer", options.answer, "the column to be predicted from the others")
      ->check(CLI::IsMember(words))
      ->capture_default_str();
  return example::run(app, argc, argv, [&] { demo(options); });
}
