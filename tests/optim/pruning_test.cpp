// Pruning: the threshold step by step, masks under every optimizer, and runs that are resumed.
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using nn::Pruning, nn::PruningSchedule;

// Algorithm 1 and equation 1 of the paper as they stand there, with q = 1; 0 if nothing is pruned.
double by_the_paper(int current, int start, int ramp, int end, int freq) {
  const double theta = 2.0 * freq / (2.0 * (ramp - start) + 3.0 * (end - ramp)), phi = 1.5 * theta;
  if (current > start && current < end && current % freq == 0) {
    if (current < ramp) return theta * (current - start + 1) / freq;
    return (theta * (ramp - start + 1) + phi * (current - ramp + 1)) / freq;
  }
  return 0;
}

TEST(PruningSchedule, EqualsTheFormulaStepByStep) {
  for (const auto& [start, ramp, end, every] :
       {std::tuple{10, 40, 80, 5}, {0, 0, 7, 1}, {3, 9, 9, 2}, {100, 250, 500, 100}, {5, 5, 6, 3}}) {
    const PruningSchedule schedule(start, ramp, end, every);
    for (int step = 0; step < end + 20; ++step)
      EXPECT_DOUBLE_EQ(schedule(step), by_the_paper(step, start, ramp, end, every)) << step << " of " << end;
  }
  // By hand: theta / every = 2 / (2 * 30 + 3 * 40) = 1 / 90.
  const PruningSchedule schedule(10, 40, 80, 5);
  EXPECT_EQ(schedule(10), 0);
  EXPECT_EQ(schedule(12), 0);
  EXPECT_DOUBLE_EQ(schedule(15), 6.0 / 90);
  EXPECT_DOUBLE_EQ(schedule(40), (31 + 1.5) / 90);
  EXPECT_DOUBLE_EQ(schedule(75), (31 + 1.5 * 36) / 90);
  EXPECT_EQ(schedule(80), 0);
}

TEST(PruningSchedule, RefusesWhatIsNoSchedule) {
  const auto expect = [](auto... arguments) {
    expect_error("PruningSchedule", [=] { PruningSchedule(arguments...); }, {"got"});
  };
  expect(-1, 2, 3), expect(3, 2, 5), expect(1, 6, 5), expect(4, 4, 4), expect(1, 2, 3, 0);
  expect_error("PruningSchedule", [] { PruningSchedule(1, 2, 3)(-1); }, {"step", "got -1"});
}

TEST(Magnitudes, AreThoseOfMatricesAlone) {
  Generator generator(1);
  const nn::Linear layer(4, 5, generator);
  Tensor weight = layer.weight;
  for (std::int64_t i = 0; i < 20; ++i)
    weight.mutable_data<float>()[i] = static_cast<float>((i % 2 == 0 ? 1 : -1) * ((i * 7) % 20));
  using Map = std::map<std::string, double>;
  EXPECT_EQ(nn::magnitudes(layer, 0.9), (Map{{"weight", 18}}));
  EXPECT_EQ(nn::magnitudes(layer, 0), (Map{{"weight", 0}}));
  EXPECT_EQ(nn::magnitudes(layer, 1), (Map{{"weight", 19}}));
  expect_error("magnitudes", [&] { nn::magnitudes(layer, 90); }, {"[0, 1]", "got 90"});
  weight.mutable_data<float>()[3] = std::numeric_limits<float>::quiet_NaN();
  expect_error("magnitudes", [&] { nn::magnitudes(layer); }, {"'weight'", "NaN"});
}

// A small model, an optimizer of some kind, and its pruning.
struct Trained {
  nn::Mlp model;
  std::unique_ptr<optim::Optimizer> optimizer;
  Generator generator;
  Pruning pruning;

  template <class Kind>
  explicit Trained(std::type_identity<Kind>, const auto& options)
      : model(6, 8, seeded(), {.outputs = 4}),
        optimizer(std::make_unique<Kind>(model.parameters(), options)),
        generator(5),
        pruning(model, *optimizer, nn::magnitudes(model, 0.8)) {}

  static Generator& seeded() {
    static Generator generator;
    return generator = Generator(3);
  }

  // One step at this level; returns the norm of the gradients.
  double step(double level) {
    Tape tape;
    const Tensor loss = mean(square(model(randn({16, 6}, generator)) - 1.0));
    optimizer->zero_grad();
    tape.backward(loss);
    pruning.step(level);
    const double norm = optim::clip_gradients(model.parameters(), 1);
    optimizer->step();
    return norm;
  }
};

// Is everything 0 that the masks say? Counts the elements that are.
std::int64_t expect_masked(const Trained& trained) {
  std::int64_t count = 0;
  const State masks = trained.pruning.state(), state = trained.optimizer->state();
  const auto parameters = trained.model.named_parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const std::string& name = parameters[i].first;
    if (!masks.tensors.count(name)) continue;
    const std::vector<double> mask = masks.tensors.at(name).to_vector();
    const auto expect = [&](const Tensor& x, bool is_parameter) {
      const std::vector<double> values = x.to_vector();
      for (std::size_t j = 0; j < mask.size(); ++j) {
        if (mask[j] == 0) {
          EXPECT_EQ(values[j], 0) << name << ' ' << j;
          count += is_parameter;
        } else if (is_parameter) {
          EXPECT_NE(values[j], 0) << name << ' ' << j;
        }
      }
    };
    expect(parameters[i].second, true);
    for (const auto& [moment, tensor] : state.tensors) {
      if (moment.starts_with(std::to_string(i) + ".")) expect(tensor, false);
    }
  }
  return count;
}

template <class Kind>
void expect_pruned_weights_stay(const auto& options) {
  Trained trained(std::type_identity<Kind>(), options);
  const PruningSchedule schedule(2, 8, 16, 2);
  std::int64_t before = 0;
  for (int step = 0; step < 30; ++step) {
    trained.step(schedule(step));
    const std::int64_t zeros = expect_masked(trained);
    EXPECT_GE(zeros, before);
    if (schedule(step) == 0) {
      EXPECT_EQ(zeros, before) << "step " << step;
    }
    before = zeros;
    EXPECT_DOUBLE_EQ(trained.pruning.zeros(), static_cast<double>(zeros) / 80);
  }
  EXPECT_GT(before, 30);
  EXPECT_LT(before, 80);
}

TEST(Pruning, KeepsWeightsAtZeroUnderEveryOptimizer) {
  expect_pruned_weights_stay<optim::Adam>(optim::AdamOptions{.learning_rate = 0.01});
  expect_pruned_weights_stay<optim::AdamW>(optim::AdamWOptions{.learning_rate = 0.01, .weight_decay = 0.3});
  expect_pruned_weights_stay<optim::RmsProp>(optim::RmsPropOptions{.learning_rate = 0.01});
  expect_pruned_weights_stay<optim::Sgd>(
      optim::SgdOptions{.learning_rate = 0.05, .momentum = 0.9, .nesterov = true, .weight_decay = 0.1});
}

const optim::AdamWOptions adam_w{.learning_rate = 0.01, .weight_decay = 0.1};
const std::type_identity<optim::AdamW> with_adam_w;

TEST(Pruning, LeavesBiasesAndUnprunedRunsAlone) {
  Trained pruned(with_adam_w, adam_w), plain(with_adam_w, adam_w);
  for (int step = 0; step < 5; ++step) {
    pruned.step(0);
    Tape tape;
    const Tensor loss = mean(square(plain.model(randn({16, 6}, plain.generator)) - 1.0));
    plain.optimizer->zero_grad();
    tape.backward(loss);
    optim::clip_gradients(plain.model.parameters(), 1);
    plain.optimizer->step();
  }
  for (const auto& [name, tensor] : plain.model.state_dict())
    expect_same(pruned.model.state_dict().at(name), tensor);
  pruned.step(1e6);  // all weights
  EXPECT_EQ(pruned.pruning.zeros(), 1);
  for (const auto& [name, parameter] : pruned.model.named_parameters()) {
    const std::vector<double> values = parameter.to_vector();
    EXPECT_EQ(std::count(values.begin(), values.end(), 0.0) == 0, parameter.rank() == 1) << name;
  }
}

TEST(Pruning, GradientsOfPrunedWeightsDoNotCountForClipping) {
  Trained trained(with_adam_w, adam_w);
  trained.step(1e6);
  double squares = 0;
  const double norm = trained.step(0);
  for (const auto& [name, parameter] : trained.model.named_parameters()) {
    if (parameter.rank() == 1) squares += sum(square(parameter.grad())).item();
  }
  EXPECT_NEAR(std::min(norm, 1.0), std::sqrt(squares), 1e-5);
}

TEST(Pruning, HardPruningTakesTheShareThatItIsGiven) {
  Generator generator(8);
  const nn::Linear layer(100, 30, generator);
  optim::Adam adam(layer.parameters());
  Pruning pruning(layer, adam, nn::magnitudes(layer, 0.9));
  const std::vector<double> before = layer.weight.to_vector();
  pruning.step(1);
  EXPECT_DOUBLE_EQ(pruning.zeros(), 0.9);
  const std::vector<double> after = layer.weight.to_vector();
  double largest_pruned = 0, smallest_kept = 1;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (after[i] == 0) largest_pruned = std::max(largest_pruned, std::abs(before[i]));
    if (after[i] != 0) smallest_kept = std::min(smallest_kept, std::abs(before[i]));
  }
  EXPECT_LT(largest_pruned, smallest_kept);
}

TEST(Pruning, ShowsANaNInsteadOfPruningIt) {
  Generator generator(8);
  nn::Linear layer(2, 2, generator);
  layer.weight.mutable_data<float>()[1] = std::numeric_limits<float>::quiet_NaN();
  optim::Adam adam(layer.parameters());
  Pruning pruning(layer, adam, {{"weight", 10}});
  pruning.step(1);
  EXPECT_EQ(pruning.zeros(), 0.75);
  EXPECT_TRUE(std::isnan(layer.weight.to_vector()[1]));
}

using PruningInACheckpoint = Scratch;

TEST_F(PruningInACheckpoint, ARunThatIsResumedIsBitForBitTheSame) {
  const PruningSchedule schedule(2, 8, 16, 2);
  for (const int stop : {3, 9, 20}) {
    Trained whole(with_adam_w, adam_w), first(with_adam_w, adam_w), second(with_adam_w, adam_w);
    for (int step = 0; step < 30; ++step) whole.step(schedule(step));
    for (int step = 0; step < stop; ++step) first.step(schedule(step));
    nn::save_checkpoint(path("run"),
                        {first.model, *first.optimizer, first.generator, stop, {}, &first.pruning});
    second.step(0), second.step(1e6);  // what it holds must not matter
    nn::Run run{second.model, *second.optimizer, second.generator, 0, {}, &second.pruning};
    nn::load_checkpoint(path("run"), run);
    for (int step = static_cast<int>(run.step); step < 30; ++step) second.step(schedule(step));
    for (const auto& [name, tensor] : whole.model.state_dict())
      expect_same(second.model.state_dict().at(name), tensor);
    for (const auto& [name, tensor] : whole.optimizer->state().tensors)
      expect_same(second.optimizer->state().tensors.at(name), tensor);
    for (const auto& [name, tensor] : whole.pruning.state().tensors)
      expect_same(second.pruning.state().tensors.at(name), tensor);
    EXPECT_EQ(whole.pruning.state().texts, second.pruning.state().texts);
  }
}

TEST_F(PruningInACheckpoint, AnotherPruningIsRefusedAndNothingChanges) {
  Trained trained(with_adam_w, adam_w);
  trained.step(0.5);
  State good = trained.pruning.state(), state = good;
  const auto rejects = [&](const std::vector<std::string>& says) {
    expect_error(
        "load_state", [&] { trained.pruning.load_state(state); }, says);
    for (const auto& [name, mask] : trained.pruning.state().tensors) expect_same(mask, good.tensors.at(name));
    state = good;
  };
  const std::string name = good.tensors.begin()->first;
  state.tensors.erase(name), rejects({"the mask", name, "is missing"});
  state.tensors[name] = ones({3}), rejects({name, "(3,)"});
  state.tensors[name] = 0.5 * good.tensors.at(name), rejects({name, "0 and 1", "got 0.5"});
  state.tensors["other"] = ones({2}), rejects({"nothing called 'other'"});
  state.texts.erase("magnitude." + name), rejects({"magnitude." + name, "is missing"});
  state.texts["magnitude." + name] = "-1", rejects({"magnitude." + name, "'-1'"});
  state.texts["q"] = "1", rejects({"text 'q'"});

  nn::save_checkpoint(path("plain"), {trained.model, *trained.optimizer, trained.generator, 4, {}});
  nn::Run run{trained.model, *trained.optimizer, trained.generator, 0, {}, &trained.pruning};
  expect_error("load_checkpoint", [&] { nn::load_checkpoint(path("plain"), run); }, {"in 'pruning.'"});
  EXPECT_EQ(run.step, 0);
  nn::save_checkpoint(path("pruned"),
                      {trained.model, *trained.optimizer, trained.generator, 4, {}, &trained.pruning});
  run.pruning = nullptr;
  expect_error("load_checkpoint", [&] { nn::load_checkpoint(path("pruned"), run); },
               {"'pruning.", "no part of a checkpoint"});
}

TEST(Pruning, RefusesWhatItCannotPrune) {
  Trained trained(with_adam_w, adam_w);
  Generator generator(2);
  const nn::Linear other(6, 8, generator);
  optim::Adam adam(other.parameters());
  const auto make = [&](std::map<std::string, double> magnitudes, optim::Optimizer& optimizer) {
    return [&, magnitudes] { Pruning(trained.model, optimizer, magnitudes); };
  };
  const std::string name = nn::magnitudes(trained.model).begin()->first;
  expect_error("Pruning", make({}, *trained.optimizer), {"empty"});
  expect_error("Pruning", make({{"weights", 1}}, *trained.optimizer), {"no parameter 'weights'"});
  expect_error("Pruning", make({{name, -1}}, *trained.optimizer), {name, "got -1"});
  expect_error("mask_moments", make({{name, 1}}, adam), {"none of this optimizer's"});
  expect_error("Pruning::step", [&] { trained.pruning.step(-0.5); }, {"level", "got -0.5"});
  Tensor weight = other.weight;
  expect_error("mask_moments", [&] { adam.mask_moments(weight, ones({2})); }, {"(6, 8)", "(2,)"});
}

}  // namespace
}  // namespace taper::test
