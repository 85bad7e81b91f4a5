// A user's own optimizers: what step() makes of their update(), written with ops or with plain loops,
// and their state.
#include "optim/adagrad.hpp"
#include "support/helpers.hpp"
#include "support/on_cuda.hpp"
#include "support/scratch.hpp"

#include <functional>
#include <memory>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

const AdagradOptions options{.learning_rate = 0.5, .epsilon = 3};

// An optimizer with one moment, whose update() is the function that it is given.
class Told : public optim::Optimizer {
 public:
  using Function = std::function<void(Tensor& p, const Tensor& g, Tensor& moment, std::int64_t step)>;
  Told(std::vector<Tensor> parameters, Function f)
      : Optimizer("Told", std::move(parameters), 0.1, {"moment"}), f_(std::move(f)) {}

 private:
  void update(std::span<Update> updates) override {
    for (auto& [p, g, moments, step, rate] : updates) f_(p, g, moments[0], step);
  }
  Function f_;
};

Tensor parameter(const std::vector<double>& values, Kind kind) {
  return row(values).to(kind).clone().requires_grad();
}

void step_with(optim::Optimizer& optimizer, const Tensor& p, const std::vector<double>& gradient) {
  p.impl().grad = row(gradient).to(p.kind());
  optimizer.step();
}

// By hand: the root of the sum of squares is 5 after g = 5 and 13 after g = -12, so that p moves by
// 0.5 * 5 / (5 + 3) and by 0.5 * 12 / (13 + 3). All of it is exact in float32.
void check_by_hand(Kind kind) {
  const Tensor p = parameter({3, 7}, kind);
  Adagrad optimizer({p}, options);
  step_with(optimizer, p, {5, 0});
  expect_values(p.to(float64), {2.6875, 7});
  step_with(optimizer, p, {-12, 0});
  expect_values(p.to(float64), {3.0625, 7});
  step_with(optimizer, p, {0, 0});
  expect_values(p.to(float64), {3.0625, 7});
  expect_values(optimizer.state().tensors.at("0.sum_of_squares").to(float64), {169, 0});
}

TEST(OwnOptimizer, TakesTheStepsOfAHandComputation) {
  check_by_hand(float32);
  check_by_hand(float64);
}

class OwnOptimizerFile : public Scratch {};

TEST_F(OwnOptimizerFile, IsSavedAndResumedBitForBit) {
  Generator generator(5);
  const Tensor p = parameter({1, -2, 3}, float32);
  Adagrad optimizer({p}, {.learning_rate = 0.05});
  const auto train = [](optim::Optimizer& trained, const Tensor& on, Generator& gradients) {
    for (int step = 0; step < 7; ++step) step_with(trained, on, randn({3}, gradients).to_vector());
  };
  train(optimizer, p, generator);
  EXPECT_EQ(optimizer.state().texts, (std::map<std::string, std::string>{{"0.steps", "7"},
                                                                         {"epsilon", "1e-10"},
                                                                         {"learning_rate", "0.05"},
                                                                         {"optimizer", "Adagrad"},
                                                                         {"parameters", "1"}}));
  save_safetensors(path("state"), optimizer.state());

  const Tensor copy = p.clone().requires_grad();
  Adagrad resumed({copy}, {.learning_rate = 0.05});
  resumed.load_state(load_safetensors(path("state")));
  Generator same = generator;
  train(optimizer, p, generator);
  train(resumed, copy, same);
  expect_same(copy, p);
  expect_same(resumed.state().tensors.at("0.sum_of_squares"),
              optimizer.state().tensors.at("0.sum_of_squares"));

  Adagrad other({copy}, {.learning_rate = 0.05, .epsilon = 0.5});
  expect_error("load_state", [&] { other.load_state(load_safetensors(path("state"))); },
               {"epsilon is 1e-10 in the state and 0.5"});
}

TEST(OwnOptimizer, MayWriteIntoTheElements) {
  const Tensor p = parameter({3, 7}, float64);
  Told optimizer({p}, [](Tensor& x, const Tensor& g, Tensor& v, std::int64_t step) {
    for (std::int64_t i = 0; i < x.size(); ++i) {
      v.mutable_data<double>()[i] += g.data<double>()[i];
      x.mutable_data<double>()[i] -= v.data<double>()[i] / static_cast<double>(step);
    }
  });
  step_with(optimizer, p, {1, 2});
  expect_values(p, {2, 5});
  step_with(optimizer, p, {3, 0});
  expect_values(p, {0, 4});
  expect_values(optimizer.state().tensors.at("0.moment"), {4, 2});
}

TEST(OwnOptimizer, LeavesOutWhatHasNoGradient) {
  const Tensor with = parameter({1}, float64), without = parameter({1}, float64);
  Told optimizer({without, with}, [](Tensor& p, const Tensor& g, Tensor&, std::int64_t) { p = p - g; });
  step_with(optimizer, with, {2});
  expect_values(with, {-1});
  expect_values(without, {1});
  EXPECT_EQ(optimizer.state().texts.at("0.steps"), "0");
  EXPECT_EQ(optimizer.state().texts.at("1.steps"), "1");
}

TEST(OwnOptimizer, IsNotRecorded) {
  const Tensor p = parameter({1, 2}, float64);
  Adagrad optimizer({p});
  Tape tape;
  tape.backward(sum(square(p)), {.keep_graph = true});
  const std::size_t before = tape.node_count();
  optimizer.step();
  EXPECT_EQ(tape.node_count(), before);
  EXPECT_EQ(Tape::recording(), &tape);
}

// A moment that was assigned the parameter or its gradient keeps the elements that these had then.
TEST(OwnOptimizer, MomentsAreTheirOwn) {
  const Tensor p = parameter({3}, float64);
  Told previous({p}, [](Tensor& x, const Tensor& g, Tensor& moment, std::int64_t) {
    moment = x;
    x = x - g;
  });
  step_with(previous, p, {1});
  expect_values(p, {2});
  expect_values(previous.state().tensors.at("0.moment"), {3});

  Told last({p}, [](Tensor&, const Tensor& g, Tensor& moment, std::int64_t) { moment = g; });
  step_with(last, p, {5});
  optim::clip_gradients({p}, 1);
  expect_values(last.state().tensors.at("0.moment"), {5});
}

TEST(OwnOptimizer, RefusesWhatDoesNotFit) {
  const Tensor p = parameter({3, 4}, float64);
  const auto refuses = [&](const Told::Function& f, const std::vector<std::string>& says) {
    Told optimizer({p}, f);
    expect_error(
        "Told",
        [&] {
          step_with(optimizer, p, {1, 1});
        },
        says);
    expect_values(p, {3, 4});
  };
  refuses([](Tensor& x, const Tensor&, Tensor&, std::int64_t) { x = sum(x); },
          {"the value of parameters[0]", "float64 (2,)", "float64 ()"});
  refuses([](Tensor&, const Tensor& g, Tensor& moment, std::int64_t) { moment = g.to(float32); },
          {"moment of parameters[0]", "float32 (2,)"});
  refuses([](Tensor&, const Tensor&, Tensor& moment, std::int64_t) { moment = Tensor(); },
          {"moment is an empty handle"});
}

class OwnOptimizerOnCuda : public OnCuda {};

TEST_F(OwnOptimizerOnCuda, TakesTheSameSteps) { check_by_hand(Device::cuda()); }

TEST_F(OwnOptimizerOnCuda, FollowsItsParameters) {
  Tensor moved = parameter({3, 7}, float32);
  const Tensor stays = parameter({3, 7}, float32);
  Adagrad there({moved}, options), here({stays}, options);
  for (const std::vector<double>& gradient : {std::vector<double>{2, 3}, {1, -1}, {-1, 4}}) {
    step_with(there, moved, gradient);
    step_with(here, stays, gradient);
    moved.move_to(moved.device().is_cpu() ? Device::cuda() : Device::cpu());
    expect_close(moved, stays, 1e-6);
  }
  expect_close(there.state().tensors.at("0.sum_of_squares"), here.state().tensors.at("0.sum_of_squares"),
               1e-6);
}

}  // namespace
}  // namespace taper::test
