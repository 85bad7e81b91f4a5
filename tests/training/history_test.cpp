// History: curves, histograms of a model's parameters, and both as a state.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using training::Histogram;
using training::History;
using training::ParameterHistory;
using Steps = std::vector<std::int64_t>;

void expect_same(const Histogram& one, const Histogram& other) {
  EXPECT_EQ(one.counts, other.counts);
  EXPECT_EQ(one.not_finite, other.not_finite);
  for (auto number : {&Histogram::low, &Histogram::high, &Histogram::mean, &Histogram::deviation}) {
    EXPECT_TRUE(one.*number == other.*number || (std::isnan(one.*number) && std::isnan(other.*number)));
  }
}

void expect_same(const ParameterHistory::Series& one, const ParameterHistory::Series& other) {
  ASSERT_EQ(one.step, other.step);
  ASSERT_EQ(one.histogram.size(), other.histogram.size());
  for (std::size_t i = 0; i < one.histogram.size(); ++i) expect_same(one.histogram[i], other.histogram[i]);
}

void expect_same(const History& one, const History& other) {
  ASSERT_EQ(one.curves().size(), other.curves().size());
  for (const auto& [name, curve] : one.curves()) {
    EXPECT_EQ(curve.step, other.curve(name).step);
    ASSERT_EQ(curve.value.size(), other.curve(name).value.size());
    for (std::size_t i = 0; i < curve.value.size(); ++i) {
      const double a = curve.value[i], b = other.curve(name).value[i];
      EXPECT_TRUE(a == b || (std::isnan(a) && std::isnan(b)));
    }
  }
  ASSERT_EQ(one.parameters().size(), other.parameters().size());
  for (std::size_t i = 0; i < one.parameters().size(); ++i) {
    EXPECT_EQ(one.parameters()[i].name, other.parameters()[i].name);
    EXPECT_EQ(one.parameters()[i].size, other.parameters()[i].size);
    expect_same(one.parameters()[i].weights, other.parameters()[i].weights);
    expect_same(one.parameters()[i].gradients, other.parameters()[i].gradients);
  }
}

TEST(History, KeepsEachCurve) {
  History history("a run");
  history.add("loss", 1, 0.5), history.add("loss", 4, 0.25), history.add("accuracy", 4, 1);
  EXPECT_EQ(history.name(), "a run");
  EXPECT_EQ(history.curve("loss").step, (std::vector<double>{1, 4}));
  EXPECT_EQ(history.curve("loss").value, (std::vector<double>{0.5, 0.25}));
  EXPECT_EQ(history.curves().size(), 2u);
  using Values = std::vector<std::pair<std::string, double>>;
  EXPECT_EQ(history.at(4), (Values{{"accuracy", 1}, {"loss", 0.25}}));
  EXPECT_EQ(history.at(1), (Values{{"loss", 0.5}}));
  EXPECT_TRUE(history.at(2).empty() && history.at(5).empty());
  expect_error("History", [&] { history.add("loss", 4, 1); }, {"loss: step 4 comes after step 4"});
  expect_error("History", [&] { history.curve("speed"); }, {"a run has no curve 'speed'"});
}

TEST(History, RecordsEveryParameterAndItsGradient) {
  const nn::Linear layer(3, 2);
  History history("a run");
  history.add_histograms(layer, 0);  // no gradient yet
  Tape tape;
  tape.backward(sum(square(layer(randn({4, 3})))));
  history.add_histograms(layer, 1);
  const auto parameters = layer.named_parameters();
  ASSERT_EQ(history.parameters().size(), parameters.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, parameter] = parameters[i];
    const ParameterHistory& found = history.parameters()[i];
    EXPECT_EQ(found.name, name);
    EXPECT_EQ(found.size, parameter.size());
    EXPECT_EQ(found.weights.step, (Steps{0, 1}));
    EXPECT_EQ(found.gradients.step, (Steps{1}));
    expect_same(found.weights.histogram[1], training::histogram(parameter, 32));
    expect_same(found.gradients.histogram[0], training::histogram(parameter.grad(), 32));
  }
}

// More than 64 histograms are thinned to the even multiples of the interval; those that stay are unchanged.
TEST(History, AnyLengthOfRunHasFewHistogramsEvenlySpaced) {
  const nn::Linear layer(2, 1);
  float* weight = layer.parameters()[0].mutable_data<float>();
  for (std::int64_t last : {64, 65, 200, 1000}) {
    History history("a run");
    for (std::int64_t step = 1; step <= last; ++step) {
      weight[0] = static_cast<float>(step), weight[1] = 0;
      history.add_histograms(layer, step);
    }
    const ParameterHistory::Series& kept = history.parameters()[0].weights;
    const std::int64_t interval = last == 64 ? 1 : last == 65 ? 2 : last == 200 ? 4 : 16;
    ASSERT_EQ(static_cast<std::int64_t>(kept.step.size()), last / interval);
    for (std::size_t i = 0; i < kept.step.size(); ++i) {
      EXPECT_EQ(kept.step[i], static_cast<std::int64_t>(i + 1) * interval);
      EXPECT_EQ(kept.histogram[i].high, static_cast<double>(kept.step[i]));
    }
  }
}

TEST(History, RejectsOtherParametersAndStepsThatGoBack) {
  History history("a run");
  history.add_histograms(nn::Linear(3, 2), 5);
  expect_error("History", [&] { history.add_histograms(nn::Linear(3, 3), 6); },
               {"a run: the model has other parameters than before"});
  expect_error("History", [&] { history.add_histograms(nn::Linear(3, 2), 5); }, {"step 5", "step 5"});
  expect_error("History", [&] { history.add_histograms(nn::Linear(3, 2), -1); }, {"-1"});
}

// A run that is stopped and resumed from a state records what one that was never stopped does.
TEST(History, GoesOnFromItsState) {
  const nn::Linear layer(3, 2);
  const auto record = [&](History& history, std::int64_t from, std::int64_t to) {
    for (std::int64_t step = from; step < to; ++step) {
      layer.parameters()[0].mutable_data<float>()[0] = static_cast<float>(step);
      history.add("loss", step, step == 3 ? std::numeric_limits<double>::quiet_NaN() : 1.0 / (1 + step));
      history.add_histograms(layer, step);
    }
  };
  History whole("a run"), first("a run"), second("a run");
  record(first, 0, 70);
  second.load_state(first.state());
  expect_same(first, second);
  std::int64_t step = 0;
  for (std::int64_t end : {70, 80, 150}) {
    record(whole, step, end), record(second, std::max<std::int64_t>(step, 70), end);
    step = end;
    expect_same(whole, second);
  }
}

TEST(History, RejectsWhatIsNoState) {
  History history("a run");
  history.add("loss", 1, 2);
  history.add_histograms(nn::Linear(3, 2), 1);
  const State good = history.state();
  const auto rejects = [&](const std::string& says, const auto& spoil) {
    State bad = good;
    spoil(bad);
    expect_error("History", [&] { history.load_state(bad); }, {says});
    EXPECT_EQ(history.state().tensors.size(), good.tensors.size());
  };
  rejects("interval is missing", [](State& state) { state.texts.erase("interval"); });
  rejects("interval is no whole number", [](State& state) { state.texts["interval"] = "two"; });
  rejects("size.0 is missing", [](State& state) { state.texts.erase("size.0"); });
  rejects("curve.loss has the shape (3,)", [](State& state) { state.tensors["curve.loss"] = zeros({3}); });
  rejects("weights.1", [](State& state) { state.tensors["weights.1"] = full({1, 38}, 0.5); });
  rejects("weights.0 is missing", [](State& state) { state.tensors.erase("weights.0"); });
  rejects("weights.0 is missing or empty", [](State& state) { state.tensors["weights.0"] = zeros({0, 38}); });
  rejects("weights.0 holds -1", [](State& state) { state.tensors["weights.0"] = full({1, 38}, -1); });
  rejects("weights.0 has step 0 after step 0", [](State& state) {
    state.tensors["weights.0"] = zeros({2, 38});
  });
  rejects("curve.loss has step 1 after step 1", [](State& state) {
    state.tensors["curve.loss"] = ones({2, 2});
  });
  rejects("curve.loss has the step nan", [](State& state) {
    state.tensors["curve.loss"] = full({1, 2}, NAN);
  });
}

}  // namespace
}  // namespace taper::test
