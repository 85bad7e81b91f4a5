// What one run of training records: curves by name, and how weights and gradients were distributed.
#pragma once

#include "../../core/io/state.hpp"
#include "../module.hpp"
#include "histogram.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace taper::training {

// What was measured, and after how many steps.
struct Curve {
  std::vector<double> step, value;  // equally many
};

// The history of a parameter.
struct ParameterHistory {
  std::string name;
  std::int64_t size = 0;  // how many elements it has
  // `weights` has the steps at which histograms were recorded. A step at which the parameter had no gradient
  // is not among the steps of `gradients`.
  struct Series {
    std::vector<std::int64_t> step;
    std::vector<Histogram> histogram;
  } weights, gradients;
};

class History {
 public:
  // `name` tells the run from others on the same page: "learning rate 0.01".
  explicit History(std::string name) : name_(std::move(name)) {}
  const std::string& name() const { return name_; }

  // The curve goes on with this value. A value that is no finite number leaves a gap in a chart. Throws
  // unless the step is larger than the curve's last one.
  void add(const std::string& curve, std::int64_t step, double value);

  // Records a histogram, in 32 bins, of every parameter and of its gradient, if it has one. To be called in
  // each step after backward; what it records, it chooses itself: every step at first, and whenever there are
  // more than 64, every second one is dropped, and from then on every second one skipped. So a long run ends
  // with 32 to 64 of them, evenly spaced, and most calls cost nothing. Throws if step < 0, if the step to be
  // recorded does not come after the last one, or if the model has other parameters than before.
  void add_histograms(const nn::Module& model, std::int64_t step);

  const std::map<std::string, Curve>& curves() const { return curves_; }
  // The value of each curve that has one at this step, by name, as the logs take them (logs.hpp).
  std::vector<std::pair<std::string, double>> at(std::int64_t step) const;
  // Throws if there is no curve of that name.
  const Curve& curve(const std::string& name) const;
  const std::vector<ParameterHistory>& parameters() const { return parameters_; }  // in the model's order

  // All but the name, for a checkpoint's extras (nn/checkpoint.hpp); a run that is resumed with it records
  // what one that was never stopped records.
  State state() const;
  // Ignores what else the state holds. Throws, naming what is wrong, if that is no such state; then nothing has
  // changed.
  void load_state(const State& state);

 private:
  std::string name_;
  std::map<std::string, Curve> curves_;
  std::vector<ParameterHistory> parameters_;
  std::int64_t interval_ = 1;  // of the steps that add_histograms records
};

}  // namespace taper::training
