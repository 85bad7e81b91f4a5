// Curves and histograms, and both as tensors of a state.
#include "history.hpp"

#include "../../core/create.hpp"
#include "../../core/fail.hpp"
#include "../../core/io/number_text.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace taper::training {
namespace {

constexpr std::int64_t bins = 32;
constexpr std::size_t most = 64;  // histograms of a parameter

void add(ParameterHistory::Series& series, std::int64_t step, const Tensor& x) {
  series.step.push_back(step), series.histogram.push_back(histogram(x, bins));
}

void keep_multiples(ParameterHistory::Series& series, std::int64_t interval) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < series.step.size(); ++i) {
    if (series.step[i] % interval != 0) continue;
    if (kept != i) {
      series.step[kept] = series.step[i];
      series.histogram[kept] = std::move(series.histogram[i]);
    }
    ++kept;
  }
  series.step.resize(kept),
      series.histogram.erase(series.histogram.begin() + static_cast<std::ptrdiff_t>(kept),
                             series.histogram.end());
}

// A table of numbers, as a tensor (rows, columns).
Tensor table(const std::vector<double>& values, std::int64_t columns) {
  return tensor(values, {static_cast<std::int64_t>(values.size()) / columns, columns}, float64);
}

// The columns of a row of a histogram's table, before those of the counts.
constexpr std::int64_t columns_before = 6;

Tensor table(const ParameterHistory::Series& series) {
  std::vector<double> values;
  for (std::size_t i = 0; i < series.step.size(); ++i) {
    const Histogram& one = series.histogram[i];
    values.insert(values.end(), {static_cast<double>(series.step[i]), one.low, one.high, one.mean,
                                 one.deviation, static_cast<double>(one.not_finite)});
    values.insert(values.end(), one.counts.begin(), one.counts.end());
  }
  return table(values, columns_before + bins);
}

// The numbers of a state's table; empty if the state has none of that name.
std::vector<double> numbers(const State& state, const std::string& name, std::int64_t columns) {
  const auto found = state.tensors.find(name);
  if (found == state.tensors.end()) return {};
  const Tensor& table = found->second;
  if (table.rank() != 2 || table.extent(1) != columns) {
    fail("History", "the state's ", name, " has the shape ", table.shape(), ", wanted (rows, ", columns, ")");
  }
  return table.to_vector();
}

// A step, or a number of elements.
std::int64_t whole(const std::string& name, double value) {
  if (!(value >= 0 && value <= 9e15 && value == std::floor(value)))
    fail("History", "the state's ", name, " holds ", value, ", wanted a whole number of at least 0");
  return static_cast<std::int64_t>(value);
}

// Throws unless each step comes after the one before.
template <class Step>
void check_steps(const std::string& name, const std::vector<Step>& steps) {
  for (std::size_t i = 1; i < steps.size(); ++i) {
    if (!(steps[i] > steps[i - 1]))
      fail("History", "the state's ", name, " has step ", steps[i], " after step ", steps[i - 1]);
  }
}

ParameterHistory::Series series_of(const State& state, const std::string& name) {
  const std::vector<double> values = numbers(state, name, columns_before + bins);
  ParameterHistory::Series series;
  const auto count = [&](double value) { return whole(name, value); };
  for (auto row = values.begin(); row != values.end(); row += columns_before + bins) {
    series.step.push_back(count(row[0]));
    Histogram one{row[1], row[2], row[3], row[4], count(row[5]), {}};
    std::transform(row + columns_before, row + columns_before + bins, std::back_inserter(one.counts), count);
    series.histogram.push_back(std::move(one));
  }
  check_steps(name, series.step);
  return series;
}

const std::string curve_prefix = "curve.";

}  // namespace

void History::add(const std::string& curve, std::int64_t step, double value) {
  Curve& grown = curves_[curve];
  if (!grown.step.empty() && !(static_cast<double>(step) > grown.step.back())) {
    fail("History", curve, ": step ", step, " comes after step ", internal::to_text(grown.step.back()));
  }
  grown.step.push_back(static_cast<double>(step)), grown.value.push_back(value);
}

void History::add_histograms(const nn::Module& model, std::int64_t step) {
  if (step < 0) fail("History", "histograms of step ", step);
  if (step % interval_ != 0) return;
  const auto parameters = model.named_parameters();
  if (parameters_.empty()) {
    for (const auto& [name, parameter] : parameters) parameters_.push_back({name, parameter.size(), {}, {}});
  }
  const bool same = std::equal(parameters.begin(), parameters.end(), parameters_.begin(), parameters_.end(),
                               [](const auto& now, const ParameterHistory& before) {
                                 return now.first == before.name && now.second.size() == before.size;
                               });
  if (!same) fail("History", name_, ": the model has other parameters than before");
  if (parameters.empty()) return;
  if (const auto& steps = parameters_[0].weights.step; !steps.empty() && step <= steps.back()) {
    fail("History", "histograms of step ", step, " come after those of step ", steps.back());
  }

  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Tensor& parameter = parameters[i].second;
    training::add(parameters_[i].weights, step, parameter);
    if (parameter.grad()) training::add(parameters_[i].gradients, step, parameter.grad());
  }
  while (parameters_[0].weights.step.size() > most) {
    interval_ *= 2;
    for (ParameterHistory& each : parameters_) {
      keep_multiples(each.weights, interval_), keep_multiples(each.gradients, interval_);
    }
  }
}

const Curve& History::curve(const std::string& name) const {
  const auto found = curves_.find(name);
  if (found == curves_.end()) fail("History", name_, " has no curve '", name, "'");
  return found->second;
}

std::vector<std::pair<std::string, double>> History::at(std::int64_t step) const {
  std::vector<std::pair<std::string, double>> values;
  for (const auto& [name, curve] : curves_) {
    const auto found = std::lower_bound(curve.step.begin(), curve.step.end(), static_cast<double>(step));
    if (found == curve.step.end() || *found != static_cast<double>(step)) continue;
    values.emplace_back(name, curve.value[static_cast<std::size_t>(found - curve.step.begin())]);
  }
  return values;
}

State History::state() const {
  State state;
  for (const auto& [name, curve] : curves_) {
    std::vector<double> values;
    for (std::size_t i = 0; i < curve.step.size(); ++i)
      values.insert(values.end(), {curve.step[i], curve.value[i]});
    state.tensors[curve_prefix + name] = table(values, 2);
  }
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const std::string number = std::to_string(i);
    state.texts["parameter." + number] = parameters_[i].name;
    state.texts["size." + number] = std::to_string(parameters_[i].size);
    state.tensors["weights." + number] = table(parameters_[i].weights);
    if (!parameters_[i].gradients.step.empty()) {
      state.tensors["gradients." + number] = table(parameters_[i].gradients);
    }
  }
  state.texts["interval"] = std::to_string(interval_);
  return state;
}

void History::load_state(const State& state) {
  const auto whole_text = [&](const std::string& name) {
    const auto found = state.texts.find(name);
    std::int64_t value = 0;
    if (found == state.texts.end() || !internal::from_text(found->second, value) || value < 0) {
      fail("History", "the state's ", name,
           found == state.texts.end() ? " is missing" : " is no whole number");
    }
    return value;
  };
  History loaded(name_);
  loaded.interval_ = std::max<std::int64_t>(1, whole_text("interval"));
  for (const auto& [name, tensor] : state.tensors) {
    if (!name.starts_with(curve_prefix)) continue;
    const std::vector<double> values = numbers(state, name, 2);
    Curve& curve = loaded.curves_[name.substr(curve_prefix.size())];
    for (std::size_t i = 0; i < values.size(); i += 2) {
      if (!std::isfinite(values[i])) fail("History", "the state's ", name, " has the step ", values[i]);
      curve.step.push_back(values[i]), curve.value.push_back(values[i + 1]);
    }
    check_steps(name, curve.step);
  }
  for (std::size_t i = 0;; ++i) {
    const std::string number = std::to_string(i);
    const auto name = state.texts.find("parameter." + number);
    if (name == state.texts.end()) break;
    loaded.parameters_.push_back({name->second, whole_text("size." + number),
                                  series_of(state, "weights." + number),
                                  series_of(state, "gradients." + number)});
    if (loaded.parameters_[i].weights.step.empty())
      fail("History", "the state's weights.", number, " is missing or empty");
  }
  *this = std::move(loaded);
}

}  // namespace taper::training
