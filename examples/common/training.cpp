// The training loop of the demos.
#include "training.hpp"

#include "support.hpp"
#include <taper/core/create.hpp>
#include <taper/core/fail.hpp>
#include <taper/cuda/device.hpp>
#include <taper/nn/training/progress.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <limits>

namespace example {
namespace {

using taper::fail;
namespace internal = taper::internal;
namespace training = taper::training;
using taper::Tensor;
namespace fs = std::filesystem;

constexpr auto between_saves = std::chrono::seconds(30);

// As long as one of these lives, the first Ctrl-C (or signal of kill) is only remembered; the second one does
// what it does elsewhere.
class SignalWatch {
 public:
  SignalWatch() {
    received_ = 0;
    struct sigaction action = {};
    action.sa_handler = [](int signal) { received_ = signal; };
    action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
    sigaction(SIGINT, &action, &interrupt_);
    sigaction(SIGTERM, &action, &terminate_);
  }
  ~SignalWatch() {
    sigaction(SIGINT, &interrupt_, nullptr);
    sigaction(SIGTERM, &terminate_, nullptr);
  }
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  int received() const { return received_; }  // which signal; 0: none

 private:
  inline static volatile std::sig_atomic_t received_ = 0;
  struct sigaction interrupt_, terminate_;
};

// A word, quoted so that a shell reads it back.
std::string quoted(const std::string& word) {
  constexpr const char* plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=+,:@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string out = "'";
  for (char c : word) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

// The checkpoints that the folder holds, in the order of their names.
std::vector<std::string> runs_in(const std::string& folder) {
  std::vector<std::string> runs;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("checkpoint") && name.ends_with(".safetensors")) runs.push_back(entry.path());
  }
  std::sort(runs.begin(), runs.end());
  return runs;
}

}  // namespace

void add_training_options(CLI::App& app, TrainingOptions& options, int argc, char** argv) {
  for (int i = 0; i < argc; ++i) {
    const std::string word = argv[i];
    if (word != "--resume" && word != "--restart") options.command += quoted(word) + " ";
  }
  const CLI::Option* steps =
      app.add_option("--steps", options.steps, "of training")->check(at_least(1))->capture_default_str();
  app.add_option_function<std::string>(
         "--device",
         [&options](const std::string& name) {
           options.device = name == "cuda" ? taper::Device::cuda() : taper::Device::cpu();
           if (name == "cuda" && !taper::cuda::available())
             throw CLI::ValidationError("--device cuda", taper::cuda::description());
         },
         "where the model is trained")
      ->check(CLI::IsMember({"cpu", "cuda"}))
      ->default_str("cpu");
  app.add_option("--seed", options.seed, "of the initial weights and of the examples")->capture_default_str();
  app.add_flag(
      "--quick", options.quick,
      "a short form: " + std::to_string(options.quick_steps) + " steps, unless --steps says otherwise");
  app.add_option("--output", options.output, "the folder for checkpoint and page")->capture_default_str();
  CLI::Option* resume =
      app.add_flag("--resume", options.resume, "goes on with the run that the folder holds");
  app.add_flag("--restart", options.restart, "begins anew although the folder holds an unfinished run")
      ->excludes(resume);
  app.parse_complete_callback([&options, steps] {
    if (options.quick && steps->count() == 0) options.steps = options.quick_steps;
  });
}

void add_attention_options(CLI::App& app, AttentionOptions& options) {
  app.add_option("--k", options.k, "how many places a query may look at")
      ->check(at_least(1))
      ->capture_default_str();
  app.add_flag("--dense,!--no-dense", options.dense,
               std::string("trains the same model with dense softmax beside it") +
                   (options.dense ? " (as is done unless --no-dense is given)" : ""));
}

void prepare_output(const TrainingOptions& options) {
  std::error_code error;
  fs::create_directories(options.output, error);
  if (error) fail("training", options.output, ": ", error.message());
  const std::vector<std::string> runs = runs_in(options.output);
  if (options.resume) {
    if (runs.empty()) fail("training", options.output, ": holds no run to go on with");
    return;
  }
  for (const std::string& path : runs) {
    if (options.restart) break;
    const std::map<std::string, std::string> texts = taper::load_safetensors(path).texts;
    const auto done = texts.find("step"), wanted = texts.find("extras.steps");
    if (done == texts.end() || wanted == texts.end()) {
      fail("training", path, ": is no checkpoint of a demo; --restart overwrites it");
    }
    if (done->second != wanted->second) {
      fail("training", path, ": holds a run that was stopped after ", internal::shown(done->second), " of ",
           internal::shown(wanted->second), " steps; --resume goes on with it, --restart begins anew");
    }
  }
  // Otherwise a later --resume would go on with one model of this run and one of another.
  for (const std::string& path : runs) fs::remove(path, error);
}

Training::Training(const TrainingOptions& options, const std::string& file, const std::string& name,
                   training::Settings settings)
    : options_(options),
      path_(options.output + "/" + file + ".safetensors"),
      settings_(std::move(settings)),
      history_(name) {}

void Training::load(taper::nn::Run& run) {
  const std::map<std::string, std::string> texts = taper::load_safetensors(path_).texts;
  for (const auto& [name, value] : settings_) {
    const auto found = texts.find("extras.setting." + name);
    if (found == texts.end()) fail("training", path_, ": is no checkpoint of this demo: it has no ", name);
    if (found->second != value) {
      fail("training", path_, ": the run to go on with has ", name, " ", internal::shown(found->second),
           ", this one has ", internal::shown(value));
    }
  }
  taper::nn::load_checkpoint(path_, run);
  history_.load_state(run.extras);
}

void Training::save(taper::nn::Run& run) const {
  run.extras = history_.state();
  run.extras.texts["steps"] = std::to_string(options_.steps);
  for (const auto& [name, value] : settings_) run.extras.texts["setting." + name] = value;
  taper::nn::save_checkpoint(path_, run);
}

void Training::record(const std::string& prefix, std::int64_t step, const Measure& measure) {
  history_.add(prefix + "loss", step, measure.loss);
  history_.add(prefix + "accuracy", step, measure.accuracy);
}

void Training::go(taper::nn::Run run, const Step& step, std::int64_t evaluate_every,
                  const Evaluation& evaluation) {
  if (options_.resume && fs::exists(path_)) {
    load(run);
    std::cout << path_ << ": goes on after step " << run.step << std::endl;
  }
  const std::int64_t first = run.step;
  const SignalWatch signals;
  training::Progress progress(options_.steps, {.done = run.step, .unit = options_.unit});
  auto saved = std::chrono::steady_clock::now();
  while (run.step < options_.steps) {
    const Measure measure = step(run.step);
    ++run.step;
    if (!std::isfinite(measure.loss)) fail("training", "the loss is ", measure.loss, " in step ", run.step);
    record("", run.step, measure);
    history_.add_histograms(run.model, run.step);
    progress.show(
        run.step,
        "loss " + training::fixed(measure.loss, 3) + "  accuracy " + training::percent(measure.accuracy),
        measure.units);
    const bool last = run.step == options_.steps;
    if (last || run.step % evaluate_every == 0) record("held-out ", run.step, evaluation());
    const bool stop = signals.received() != 0;
    if (last || stop || std::chrono::steady_clock::now() - saved > between_saves) {
      save(run);
      saved = std::chrono::steady_clock::now();
    }
    if (stop) {
      throw Interrupted("stopped after step " + std::to_string(run.step) + " of " +
                            std::to_string(options_.steps) + ", and saved in " + path_ +
                            "; to go on: " + options_.command + "--resume",
                        signals.received());
    }
  }
  seconds_ = first == 0 ? progress.seconds() : std::numeric_limits<double>::quiet_NaN();
}

std::int64_t parameter_count(const taper::nn::Module& model) {
  std::int64_t count = 0;
  for (const Tensor& parameter : model.parameters()) count += parameter.size();
  return count;
}

void save_page(const training::Page& page, const TrainingOptions& options) {
  const std::string path = options.output + "/page.html";
  page.save(path);
  const std::vector<std::string> runs = runs_in(options.output);
  std::cout << "page: " << path << (runs.size() == 1 ? "; the trained model:" : "; the trained models:");
  for (const std::string& run : runs) std::cout << ' ' << run;
  std::cout << '\n';
}

void add_curves(training::Page& page, const std::vector<const Training*>& runs, const std::string& remark,
                const std::vector<training::Stage>& stages) {
  training::Chart loss{.title = "Loss, nats", .x_label = "step", .series = {}, .stages = stages};
  training::Chart accuracy{
      .title = "Accuracy", .x_label = "step", .series = {}, .stages = stages, .percent = true};
  int colour = 0;
  const auto add = [&](training::Chart& chart, const training::History& run, const std::string& curve) {
    training::Series steps = training::series(run, curve),
                     held_out = training::series(run, "held-out " + curve);
    steps.noisy = true, steps.colour = colour;
    held_out.name += ", held out", held_out.dashed = true, held_out.colour = colour;
    chart.series.push_back(std::move(steps)), chart.series.push_back(std::move(held_out));
  };
  for (const Training* run : runs) {
    add(loss, run->history(), "loss"), add(accuracy, run->history(), "accuracy");
    ++colour;
  }
  page.charts({loss, accuracy},
              remark + (remark.empty() ? "" : " ") +
                  "Faint points are single steps, the line is the mean of their neighbours" +
                  (stages.empty() ? "." : " in the same stage."));
}

void add_confusion(training::Page& page, const std::string& answer, const std::vector<std::string>& classes,
                   const Tensor& confusion) {
  const std::vector<double> counts = confusion.to_vector();
  training::Rows rows{{answer}};
  for (std::size_t i = 0; i < classes.size(); ++i) {
    rows[0].push_back(classes[i]);
    rows.push_back({classes[i]});
    for (std::size_t j = 0; j < classes.size(); ++j) {
      const double count = counts[i * classes.size() + j];
      rows.back().push_back(count == 0 ? "" : training::number(count));
    }
  }
  page.paragraph("Each row is an answer that is right, each column what it was taken for.");
  page.table(rows);
}

void add_histograms(training::Page& page, const std::vector<const Training*>& runs) {
  for (const Training* run : runs) {
    page.heading("Weights and gradients: " + run->history().name());
    page.histograms(run->history());
  }
}

}  // namespace example
