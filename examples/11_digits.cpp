// Digits: a transformer, a convolutional network and a GRU learn to read them.
//
// The pictures are scikit-learn's digits, 8 x 8 pixels from 0 to 16 each (examples/fetch_data.sh gets them).
// To the transformer a picture is a sequence of eight tokens, its rows, of which each may look at k rows in
// each head. The GRU reads the rows one after the other, and answers after the last.

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
  std::vector<std::string> networks = {"transformer", "convolution", "gru"};
  double transformer_rate = 2e-3, rate = 4e-3,  // of learning; the second is for the others
      dropout = 0.1, noise = 0.2, label_smoothing = 0.1;
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

using View = example::DigitsReport::View;

// pixels (batch, 8, 8) -> logits (batch, 10).
struct DigitModel : nn::Module {
  virtual Tensor operator()(const Tensor& pixels) const = 0;
  // What the page shows of it for one picture.
  virtual View view(const Tensor& pixels) const = 0;
};

struct Transformer : DigitModel {
  nn::Linear rows;
  nn::LearnedPositions positions;
  nn::TransformerBlock first, second;
  nn::LayerNorm norm;
  nn::Linear logits;

  Transformer(const Options& options, bool dense, Generator& generator)
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

  // From the mean over the rows.
  Tensor operator()(const Tensor& pixels) const override {
    return logits(mean(norm(second(first(embedded(pixels)))), 1));
  }

  // What each row gives each, in each layer: (1, heads, 8, 8).
  View view(const Tensor& pixels) const override {
    const Tensor x = embedded(pixels);
    return {.attention = {first.probabilities(x), second.probabilities(first(x))}};
  }
};

struct Convolution : DigitModel {
  nn::Conv2d filters;  // of the first layer
  nn::Sequential rest;

  Convolution(const Options& options, Generator& generator)
      : filters(1, 32, 3, generator, {.padding = 1}),
        rest{relu,
             nn::MaxPool2d(2),  // 4 x 4
             nn::Conv2d(32, 64, 3, generator, {.padding = 1}),
             relu,
             nn::Flatten(),
             nn::Dropout(options.dropout, generator),
             nn::Linear(64 * 4 * 4, classes, generator)} {}

  void list(nn::Parts& parts) const override { parts.add("filters", filters), parts.add("rest", rest); }
  Tensor operator()(const Tensor& pixels) const override { return rest(filters(unsqueeze(pixels, 1))); }
  // What the filters find: (1, 32, 8, 8).
  View view(const Tensor& pixels) const override { return {.found = relu(filters(unsqueeze(pixels, 1)))}; }
};

struct Recurrent : DigitModel {
  nn::Gru gru;
  nn::Linear logits;

  Recurrent(const Options& options, Generator& generator)
      : gru(side, options.width, generator), logits(options.width, classes, generator) {}

  void list(nn::Parts& parts) const override { parts.add("gru", gru), parts.add("logits", logits); }
  Tensor operator()(const Tensor& pixels) const override {
    return logits(squeeze(slice(gru(pixels), 1, side - 1, side), {1}));
  }
  // What it would answer after each row: (1, 8, 10).
  View view(const Tensor& pixels) const override { return {.answers = softmax(logits(gru(pixels)))}; }
};

// The network of that name, or the transformer with dense softmax.
std::unique_ptr<DigitModel> make(const std::string& network, const Options& options, bool dense,
                                 Generator& generator) {
  if (network == "convolution") return std::make_unique<Convolution>(options, generator);
  if (network == "gru") return std::make_unique<Recurrent>(options, generator);
  return std::make_unique<Transformer>(options, dense, generator);
}

std::string name_of(const std::string& network, const Options& options, bool dense) {
  if (network == "convolution") return "convolution";
  if (network == "gru") return "GRU";
  return dense ? "transformer, dense" : "transformer, k = " + std::to_string(options.k);
}

std::string file_of(const std::string& network, bool dense) {
  if (network != "transformer") return "checkpoint-" + network;
  return dense ? "checkpoint-dense" : "checkpoint";
}

// A model, and how it was trained. The generator lives as long as the model, whose dropout draws from it.
struct Outcome {
  std::string name;
  Generator generator;
  std::unique_ptr<DigitModel> model;
  example::Training training;
  double accuracy = 0;

  Outcome(const Options& options, const std::string& network, bool dense)
      : name(name_of(network, options, dense)),
        generator(options.seed),
        model(make(network, options, dense, generator)),
        training(options, file_of(network, dense), name,
                 {{"network", name},
                  {"steps", std::to_string(options.steps)},
                  {"seed", std::to_string(options.seed)},
                  {"file", options.path}}) {}
};

std::unique_ptr<Outcome> train(const Options& options, const std::string& network, bool dense,
                               const Tensor& table, const std::vector<std::int64_t>& training_rows,
                               const Pictures& test) {
  auto outcome = std::make_unique<Outcome>(options, network, dense);
  const DigitModel& model = *outcome->model;
  model.to(options.device);
  const double highest = network == "transformer" ? options.transformer_rate : options.rate;
  optim::AdamW adam(model.parameters(), {.learning_rate = highest, .weight_decay = 0.05});
  const optim::Schedule rate = optim::Schedule::cosine(highest, options.steps).warm_up(20);
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
    return Measure{loss.item(), nn::accuracy(logits, batch.digits), static_cast<std::int64_t>(rows.size())};
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
void add_answers(example::DigitsReport::Run& run, const DigitModel& model, const Pictures& test) {
  constexpr std::size_t most_mistakes = 24;
  const Tensor logits = model(test.pixels);
  const Indices answers = argmax(logits, 1);
  run.confusion = nn::confusion_matrix(logits, test.digits);
  for (std::size_t i = 0; i < test.digits.size(); ++i) {
    const auto number = static_cast<std::int64_t>(i);
    if (answers[number] == test.digits[i] || ++run.mistake_count > most_mistakes) continue;
    run.mistakes.push_back({{test.digits[i], slice(test.pixels, 0, number, number + 1)}, answers[number]});
  }
}

// What the page shows: the figures, and what the networks make of the first pictures of two digits.
example::DigitsReport report_of(const std::vector<std::unique_ptr<Outcome>>& outcomes, const Options& options,
                                std::int64_t training_pictures, const Pictures& test) {
  example::DigitsReport report{.k = options.k,
                               .settings = {{"steps", std::to_string(options.steps)},
                                            {"seed", std::to_string(options.seed)},
                                            {"k", std::to_string(options.k)},
                                            {"width", std::to_string(options.width)},
                                            {"heads", std::to_string(options.heads)},
                                            {"batch", std::to_string(options.batch)},
                                            {"training pictures", std::to_string(training_pictures)},
                                            {"test pictures", std::to_string(test.digits.size())}},
                               .results = {{"network", "test accuracy", "training time", "parameters"}},
                               .pictures = {},
                               .runs = {}};
  for (std::int64_t digit : {3, 5}) {
    const auto found = std::find(test.digits.begin(), test.digits.end(), digit);
    if (found == test.digits.end()) continue;
    const std::int64_t i = found - test.digits.begin();
    report.pictures.push_back({digit, slice(test.pixels, 0, i, i + 1)});
  }
  for (const auto& outcome : outcomes) {
    report.results.push_back(
        {outcome->name, training::percent(outcome->accuracy), training::duration(outcome->training.seconds()),
         training::number(static_cast<double>(example::parameter_count(*outcome->model)))});
    example::DigitsReport::Run run{outcome->name, &outcome->training, {}, {}, {}};
    for (const auto& picture : report.pictures) run.views.push_back(outcome->model->view(picture.pixels));
    add_answers(run, *outcome->model, test);
    report.runs.push_back(std::move(run));
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
  for (const std::string& network : options.networks) {
    outcomes.push_back(train(options, network, false, table, training_rows, test));
  }
  if (options.dense) outcomes.push_back(train(options, "transformer", true, table, training_rows, test));

  const example::DigitsReport report = report_of(outcomes, options, split, test);
  std::cout << training::aligned(report.results);
  example::save_page(page(report), options);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.steps = 900, options.quick_steps = 400, options.k = 3, options.unit = "pictures";
  options.output = "taper-digits";
  CLI::App app("Digits: a transformer, a convolutional network and a GRU learn to read handwritten digits.");
  app.add_option("digits", options.path, "a CSV file: 64 pixels from 0 to 16 and the digit in each row")
      ->capture_default_str();
  example::add_training_options(app, options, argc, argv);
  example::add_attention_options(app, options);
  app.add_option("--networks", options.networks, "which are trained")
      ->delimiter(',')
      ->check(CLI::IsMember({"transformer", "convolution", "gru"}))
      ->capture_default_str();
  return example::run(app, argc, argv, [&] { demo(options); });
}
