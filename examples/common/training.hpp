// What the demos share when they train: their common options, and the loop with its history, progress bar,
// checkpoints, Ctrl-C and --resume.
#pragma once

#include <taper/core/device.hpp>
#include <taper/nn/checkpoint.hpp>
#include <taper/nn/layers/sparse_attention.hpp>
#include <taper/nn/training/history.hpp>
#include <taper/nn/training/page.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace example {

// The options that every demo has. A demo derives its own from them, and sets steps, quick_steps, unit and
// output first.
struct TrainingOptions {
  std::int64_t steps = 0;
  std::int64_t quick_steps = 0;  // no option: what --quick sets steps to if --steps is not given
  std::uint64_t seed = 0;
  taper::Device device = taper::Device::cpu();
  std::string unit = "tokens";  // no option either: what Measure::units counts
  bool quick = false, resume = false, restart = false;
  std::string output;
  std::string command;  // what was typed, for the advice how to go on
};

// The options of a demo whose model has sparse attention. It sets k first.
struct AttentionOptions : TrainingOptions {
  std::int64_t k = 0;
  bool dense = false;
};

// How the attention of a run is computed: dense runs are there for comparison.
inline taper::nn::AttentionMethod method(bool dense) {
  return dense ? taper::nn::AttentionMethod::dense : taper::nn::AttentionMethod::fused;
}

// Adds the options to the command line, with the values in `options` as defaults.
void add_training_options(CLI::App& app, TrainingOptions& options, int argc, char** argv);
void add_attention_options(CLI::App& app, AttentionOptions& options);

// Makes options.output a folder for a demo's runs, before the first of them: clears it of finished runs, or
// with --restart of all. Throws if it holds an unfinished run, unless that is to be resumed or restarted;
// with --resume, throws if it holds none.
void prepare_output(const TrainingOptions& options);

// How well a model does: the mean loss, and the share of right answers, over so many tokens or other units.
struct Measure {
  double loss = 0, accuracy = 0;
  std::int64_t units = 0;
};

// One step of training: forward, backward, update. Steps are counted from 0.
using Step = std::function<Measure(std::int64_t step)>;
// Measures the model on examples that it is not trained on.
using Evaluation = std::function<Measure()>;

// One run of training. It leaves its checkpoint in options.output; it can be stopped, and resumed.
class Training {
 public:
  // The checkpoint is file + ".safetensors"; `name` tells the runs of one demo apart on its page. The
  // settings are everything that shapes the run, apart from the number of steps and the data; a resumed run
  // must have the same settings.
  Training(const TrainingOptions& options, const std::string& file, const std::string& name,
           taper::training::Settings settings);

  // Takes up the run if --resume asks for it, then trains up to options.steps. Evaluates every
  // `evaluate_every` steps and after the last one. Saves twice a minute, and at the end. At Ctrl-C finishes
  // the step, saves, and throws Interrupted (support.hpp); a second Ctrl-C ends the program at once. Throws
  // if the loss is no finite number; the last checkpoint then stays as it is.
  void go(taper::nn::Run run, const Step& step, std::int64_t evaluate_every, const Evaluation& evaluation);

  // How long go() took, in seconds; NaN if it went on with a run that had been trained before.
  double seconds() const { return seconds_; }
  // "loss" and "accuracy" of each step, "held-out loss" and "held-out accuracy" of each evaluation, and the
  // histograms of the parameters.
  const taper::training::History& history() const { return history_; }

 private:
  void load(taper::nn::Run& run);
  void save(taper::nn::Run& run) const;
  void record(const std::string& prefix, std::int64_t step, const Measure& measure);

  const TrainingOptions& options_;
  std::string path_;
  taper::training::Settings settings_;
  taper::training::History history_;
  double seconds_ = 0;
};

// How many numbers a model consists of.
std::int64_t parameter_count(const taper::nn::Module& model);

// Writes options.output + "/page.html", and says where page and checkpoints are.
void save_page(const taper::training::Page& page, const TrainingOptions& options);

// "Loss" and "Accuracy" side by side, a line for each run and one for its evaluations. Beneath stands the
// remark, and what the points are.
void add_curves(taper::training::Page& page, const std::vector<const Training*>& runs,
                const std::string& remark = "", const std::vector<taper::training::Stage>& stages = {});
// What is taken for what: a row for each class, in a table whose answers are called `answer`.
void add_confusion(taper::training::Page& page, const std::string& answer,
                   const std::vector<std::string>& classes, const taper::Tensor& confusion);
// The histograms of each run, under a heading of its own.
void add_histograms(taper::training::Page& page, const std::vector<const Training*>& runs);

// The trainings of a report's runs.
template <class Run>
std::vector<const Training*> trainings_of(const std::vector<Run>& runs) {
  std::vector<const Training*> all;
  for (const Run& run : runs) all.push_back(run.training);
  return all;
}

}  // namespace example
