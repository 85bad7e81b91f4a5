// Digits: a transformer that reads a picture row by row.
//
// The pictures are scikit-learn's digits, 8 x 8 pixels from 0 to 16 each (examples/fetch_data.sh gets
// them). A picture is a sequence of eight tokens, its rows. Each row may look at k rows in each head.

#include "common/support.hpp"
#include "common/training.hpp"
#include "pages/digits.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>

using namespace taper;
using example::Measure;

namespace {

constexpr std::int64_t side = 8, classes = 10;

struct Options : example::AttentionOptions {
  std::string path = TAPER_DIGITS;
  std::int64_t width = 64, heads = 4, batch = 64;
  double learning_rate = 2e-3, dropout = 0.1, noise = 0.2, label_smoothing = 0.1;
};

struct Pictures {
  Tensor pixels;  // (count, 8, 8), from 0 to 1
  std::vector<std::int64_t> digits;
};

// The rows of the file with these numbers, on that device.
Pictures pictures(const Tensor& table, const std::vector<std::int64_t>& rows, Device device) {
  Pictures result{zeros({static_cast<std::int64_t>(rows.size()), side, side}), {}};
  float* out = result.pixels.mutable_data<float>();
  for (std::int64_t row : rows) {
    const float* line = table.data<float>() + row * table.extent(1);
    out = std::transform(line, line + side * side, out, [](float pixel) { return pixel / 16; });
    result.digits.push_back(static_cast<std::int64_t>(line[side * side]));
  }
  result.pixels = result.pixels.to(device);
  return result;
}

Tensor read_digits(const std::string& path) {
  if (path == TAPER_DIGITS && !std::filesystem::exists(path)) {
    throw Error(path + ": is not there; examples/fetch_data.sh digits fetches it");
  }
  const Tensor table = load_csv(path);
  if (table.extent(1) != side * side + 1 || table.extent(0) < 100) {
    throw Error(path + ": wanted at least 100 rows of 64 pixels and a digit, got " +
                std::to_string(table.extent(0)) + " rows of " + std::to_string(table.extent(1)) + " numbers");
  }
  for (std::int64_t i = 0; i < table.extent(0); ++i) {
    const float* line = table.data<float>() + i * table.extent(1);
    const bool pixels = std::all_of(line, line + side * side, [](float p) { return p >= 0 && p <= 16; });
    const float digit = line[side * side];
    if (!pixels || digit < 0 || digit > 9 || digit != static_cast<float>(static_cast<int>(digit))) {
      throw Error(path + ": row " + std::to_string(i + 1) + " is not 64 pixels from 0 to 16 and a digit");
    }
  }
  return table;
}

struct DigitModel : nn::Module {
  nn::Linear rows;
  nn::LearnedPositions positions;
  nn::TransformerBlock first, second;
  nn::LayerNorm norm;
  nn::Linear logits;

  DigitModel(const Options& options, bool dense, Generator& generator)
      : rows(side, options.width, generator),
        positions(side, options.width, generator),
        first(options.width, options.heads, options.k, generator,
              {.method = example::method(dense), .dropout = options.dropout}),
        second(options.width, options.heads, options.k, generator,
               {.method = example::method(dense), .dropout = options.dropout}),
        norm(options.width),
        logits(options.width, classes, generator) {}

  void list(nn::Parts& parts) const override {
    parts.add("rows", rows), parts.add("positions", positions), parts.add("first", first);
    parts.add("second", second), parts.add("norm", norm), parts.add("logits", logits);
  }

  Tensor embedded(const Tensor& pixels) const { return positions(rows(pixels)); }

  // pixels (batch, 8, 8) -> logits (batch, 10), from the mean over the rows.
  Tensor operator()(const Tensor& pixels) const {
    return logits(mean(norm(second(first(embedded(pixels)))), 1));
  }

  // What each row gives each, in each layer: (batch, heads, 8, 8).
  std::vector<Tensor> attention(const Tensor& pixels) const {
    const Tensor x = embedded(pixels);
    return {first.probabilities(x), second.probabilities(first(x))};
  }
};

// A model, and how it was trained. The generator lives as long as the model, whose dropout draws from it.
struct Outcome {
  std::string name;
  Generator generator;
  DigitModel model;
  example::Training training;
  double accuracy = 0;

  Outcome(const Options& options, bool dense)
      : name(dense ? "dense softmax" : "sparse, k = " + std::to_string(options.k)),
        generator(options.seed),
        model(options, dense, generator),
        training(options, dense ? "checkpoint-dense" : "checkpoint", name,
                 {{"attention", name},
                  {"steps", std::to_string(options.steps)},
                  {"seed", std::to_string(options.seed)},
                  {"file", options.path}}) {}
};

std::unique_ptr<Outcome> train(const Options& options, bool dense, const Tensor& table,
                               const std::vector<std::int64_t>& training_rows, const Pictures& test) {
  auto outcome = std::make_unique<Outcome>(options, dense);
  const DigitModel& model = outcome->model;
  model.to(options.device);
  optim::AdamW adam(model.parameters(), {.learning_rate = options.learning_rate, .weight_decay = 0.05});
  const optim::Schedule rate = optim::Schedule::cosine(options.learning_rate, options.steps).warm_up(20);
  nn::Batches batches(static_cast<std::int64_t>(training_rows.size()), options.batch, options.seed);

  const auto step = [&](std::int64_t number) {
    std::vector<std::int64_t> rows = batches(number);
    for (std::int64_t& row : rows) row = training_rows[static_cast<std::size_t>(row)];
    const Pictures batch = pictures(table, rows, options.device);
    Generator drawing = nn::generator_of(options.seed, static_cast<std::uint64_t>(number));
    // There are few pictures: thanks to the noise, no two steps see exactly the same ones.
    const Tensor noisy = batch.pixels + options.noise * randn(batch.pixels.shape(), drawing, options.device);
    Tape tape;
    const Tensor logits = model(noisy);
    const Tensor loss = nn::cross_entropy(logits, batch.digits, {.label_smoothing = options.label_smoothing});
    adam.zero_grad();
    tape.backward(loss);
    adam.set_learning_rate(rate(number));
    adam.step();
    return Measure{loss.item(), nn::accuracy(logits, batch.digits),
                   side * static_cast<std::int64_t>(rows.size())};
  };
  const auto evaluate = [&] {
    model.eval();
    const Tensor logits = model(test.pixels);
    model.train();
    return Measure{nn::cross_entropy(logits, test.digits).item(), nn::accuracy(logits, test.digits)};
  };
  std::cout << outcome->name << ": " << example::parameter_count(model) << " parameters" << std::endl;
  outcome->training.go({model, adam, outcome->generator}, step, std::max<std::int64_t>(1, options.steps / 20),
                       evaluate);
  outcome->accuracy = evaluate().accuracy;
  model.eval();
  return outcome;
}

// How often the test pictures of each digit were taken for each, and the first that were taken for another.
void add_answers(example::DigitsReport& report, const DigitModel& model, const Pictures& test) {
  constexpr std::size_t most_mistakes = 24;
  report.confusion.assign(classes, std::vector<int>(classes));
  const Tensor logits = model(test.pixels).to(Device::cpu());
  for (std::size_t i = 0; i < test.digits.size(); ++i) {
    const auto number = static_cast<std::int64_t>(i);
    const float* row = logits.data<float>() + number * classes;
    const std::int64_t digit = test.digits[i], answer = std::max_element(row, row + classes) - row;
    ++report.confusion[static_cast<std::size_t>(digit)][static_cast<std::size_t>(answer)];
    if (answer == digit || ++report.mistake_count > most_mistakes) continue;
    report.mistakes.push_back({{digit, slice(test.pixels, 0, number, number + 1)}, answer});
  }
}

// What the page shows: the figures, and the heads on the first pictures of two digits.
example::DigitsReport report_of(const std::vector<std::unique_ptr<Outcome>>& outcomes, const Options& options,
                                std::int64_t training_pictures, const Pictures& test) {
  example::DigitsReport report{
      .k = options.k,
      .settings = {{"steps", std::to_string(options.steps)},
                   {"seed", std::to_string(options.seed)},
                   {"k", std::to_string(options.k)},
                   {"width", std::to_string(options.width)},
                   {"heads", std::to_string(options.heads)},
                   {"batch", std::to_string(options.batch)},
                   {"training pictures", std::to_string(training_pictures)},
                   {"test pictures", std::to_string(test.digits.size())},
                   {"parameters",
                    training::number(static_cast<double>(example::parameter_count(outcomes[0]->model)))}},
      .results = {{"attention", "test accuracy", "training time"}},
      .pictures = {},
      .runs = {},
      .confusion = {},
      .mistakes = {}};
  add_answers(report, outcomes[0]->model, test);
  for (std::int64_t digit : {3, 5}) {
    const auto found = std::find(test.digits.begin(), test.digits.end(), digit);
    if (found == test.digits.end()) continue;
    const std::int64_t i = found - test.digits.begin();
    report.pictures.push_back({digit, slice(test.pixels, 0, i, i + 1)});
  }
  for (const auto& outcome : outcomes) {
    report.results.push_back({outcome->name, training::percent(outcome->accuracy),
                              training::duration(outcome->training.seconds())});
    report.runs.push_back({outcome->name, &outcome->training, {}});
    for (const auto& picture : report.pictures) {
      report.runs.back().attention.push_back(outcome->model.attention(picture.pixels));
    }
  }
  return report;
}

void demo(const Options& options) {
  const Tensor table = read_digits(options.path);
  // Four fifths for training, one fifth for the test, in an order that is the same in every run.
  const std::int64_t count = table.extent(0), split = count * 4 / 5;
  const std::vector<std::int64_t> order = nn::Batches(count, count, 0)(0);
  const std::vector<std::int64_t> training_rows(order.begin(), order.begin() + split);
  const Pictures test = pictures(table, {order.begin() + split, order.end()}, options.device);

  std::vector<std::unique_ptr<Outcome>> outcomes;
  example::prepare_output(options);
  outcomes.push_back(train(options, false, table, training_rows, test));
  if (options.dense) outcomes.push_back(train(options, true, table, training_rows, test));

  const example::DigitsReport report = report_of(outcomes, options, split, test);
  std::cout << training::aligned(report.results);
  example::save_page(page(report), options);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.steps = 900, options.quick_steps = 400, options.k = 3, options.output = "taper-digits";
  CLI::App app("Digits: a transformer with sparse attention learns to read handwritten digits.");
  app.add_option("digits", options.path, "a CSV file: 64 pixels from 0 to 16 and the digit in each row")
      ->capture_default_str();
  example::add_training_options(app, options, argc, argv);
  example::add_attention_options(app, options);
  return example::run(app, argc, argv, [&] { demo(options); });
}
