// A GRU that writes: trained on a text, it reads one character after the other and predicts the next.
//
// What it has read is in its state, a vector of fixed length, and nowhere else: to write on takes one step of
// the state a character, however long the text has grown. 10_character_transformer looks back instead.

#include "common/character_gru.hpp"
#include "common/support.hpp"
#include "common/text.hpp"
#include "common/training.hpp"
#include "pages/character_gru.hpp"

#include <algorithm>
#include <cmath>

using namespace taper;
using example::Characters;
using example::Measure;

namespace {

struct Options : example::TrainingOptions {
  std::string path = "/usr/share/common-licenses/GPL-3";
  example::CharacterGruOptions model{.width = 128, .dropout = 0.3};
  std::int64_t context = 64, batch = 16;
  double learning_rate = 5e-3;
  int length = 600;
};

// What the page shows: the figures, what was written, and the model on a stretch of the held-out text.
example::CharacterGruReport report_of(const example::CharacterGru& model, const example::Training& training,
                                      const Measure& before, const Measure& after, const Options& options,
                                      const example::Text& text) {
  const auto middle = text.held_out.begin() + static_cast<std::int64_t>(text.held_out.size() / 2);
  const Characters shown(middle, middle + 32), next(middle + 1, middle + 33);
  const Indices tokens(shown, {1, 32});
  const Characters all = training::positions(0, static_cast<std::int64_t>(text.alphabet.size()));
  return {
      .path = options.path,
      .settings = {{"steps", std::to_string(options.steps)},
                   {"seed", std::to_string(options.seed)},
                   {"context", std::to_string(options.context)},
                   {"width", std::to_string(options.model.width)},
                   {"batch", std::to_string(options.batch)},
                   {"characters", training::number(static_cast<double>(text.size()), 9)},
                   {"alphabet", std::to_string(text.alphabet.size())},
                   {"parameters", training::number(static_cast<double>(example::parameter_count(model)))}},
      .results = {{"on held-out text", "loss before", "loss after", "bits a character", "accuracy",
                   "training time"},
                  {"GRU", training::fixed(before.loss, 3), training::fixed(after.loss, 3),
                   training::fixed(after.loss / std::log(2.0), 2), training::percent(after.accuracy),
                   training::duration(training.seconds())}},
      .sample = text.spell(
          write(model, text.training.front(), options.length, nn::generator_of(options.seed, ~0ULL))),
      .alphabet = text.labels(all),
      .characters = text.labels(shown),
      .next = Indices(next),
      .probabilities = softmax(model(tokens)),
      .states = model.states(tokens),
      .training = &training};
}

void demo(const Options& options) {
  const example::Text text =
      example::read_text(options.path, static_cast<std::size_t>(20 * (options.context + 1)));
  std::cout << options.path << ": " << text.size() << " characters, " << text.alphabet.size()
            << " different ones\n";
  example::prepare_output(options);

  Generator generator(options.seed);
  const example::CharacterGru model(static_cast<std::int64_t>(text.alphabet.size()), options.model,
                                    generator);
  model.to(options.device);
  optim::Adam adam(model.parameters(), {.learning_rate = options.learning_rate});
  const optim::Schedule rate =
      optim::Schedule::cosine(options.learning_rate, options.steps, options.learning_rate / 10).warm_up(20);
  const example::Stretches held_out = example::spread_stretches(text.held_out, 64, options.context);
  const Measure before = measure(model, held_out);

  const auto step = [&](std::int64_t number) {
    Generator drawing = nn::generator_of(options.seed, static_cast<std::uint64_t>(number));
    const example::Stretches batch =
        example::draw_stretches(text.training, options.batch, options.context, drawing);
    Tape tape;
    const Tensor logits = model(batch.inputs);
    const Tensor loss = nn::cross_entropy(logits, batch.labels);
    adam.zero_grad();
    tape.backward(loss);
    adam.set_learning_rate(rate(number));
    optim::clip_gradients(model.parameters(), 1);
    adam.step();
    return Measure{loss.item(), nn::accuracy(logits, batch.labels), batch.inputs.size()};
  };
  std::cout << model << '\n';
  example::Training training(options, "checkpoint", "GRU",
                             {{"text", options.path},
                              {"characters", std::to_string(text.size())},
                              {"steps", std::to_string(options.steps)},
                              {"seed", std::to_string(options.seed)}});
  training.go({model, adam, generator}, step, std::max<std::int64_t>(1, options.steps / 20),
              [&] { return measure(model, held_out); });

  const Measure after = measure(model, held_out);
  model.eval();
  const example::CharacterGruReport report = report_of(model, training, before, after, options, text);
  std::cout << training::aligned(report.results) << "\nIt writes:\n" << report.sample << "\n\n";
  example::save_page(page(report), options);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.steps = 1000, options.quick_steps = 400, options.unit = "characters";
  options.output = "taper-gru";
  CLI::App app("A GRU that writes: trained on a text file, a character at a time.");
  app.add_option("text", options.path, "a UTF-8 text file")->capture_default_str();
  example::add_training_options(app, options, argc, argv);
  app.add_option("--length", options.length, "how many characters to write")
      ->check(example::at_least(0))
      ->capture_default_str();
  return example::run(app, argc, argv, [&] { demo(options); });
}
