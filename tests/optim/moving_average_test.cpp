// MovingAverage: by its formula, saved and continued, and what it takes over as it is.
#include "support/helpers.hpp"
#include "support/scratch.hpp"
#include <taper/core/memory/transfer.hpp>
#include <taper/taper.hpp>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

// A weight with two names, and a buffer.
struct Model : nn::Module {
  Tensor weight = tensor({1, 2}, float64).requires_grad(), count = zeros({1}, float64);
  void list(nn::Parts& parts) const override {
    parts.add("weight", weight), parts.add("again", weight), parts.add_buffer("count", count);
  }
  void set(double to) const {
    for (Tensor x : {weight, count}) internal::copy_elements(full(x.shape(), to, x.dtype()), x);
  }
};

TEST(MovingAverage, FollowsItsFormula) {
  const Model model;
  nn::MovingAverage average(model, 0.75);
  expect_values(average.state().tensors.at("weight"), {1, 2});  // nothing yet: what the model holds
  model.set(4);
  EXPECT_EQ(average.state().tensors.at("weight").to_vector(), (std::vector<double>{1, 2}));
  average.update();
  expect_values(average.state().tensors.at("weight"), {4, 4});
  model.set(8);
  average.update();
  expect_values(average.state().tensors.at("weight"), {5, 5});
  model.set(9);
  average.update();
  expect_values(average.state().tensors.at("weight"), {6, 6});
  expect_values(average.state().tensors.at("count"), {9});  // taken over as it is
  expect_values(model.weight, {9, 9});
  EXPECT_EQ(average.state().texts, (std::map<std::string, std::string>{{"decay", "0.75"}, {"updates", "3"}}));

  model.load_state_dict(average.state().tensors);  // both names hold the average
  expect_values(model.weight, {6, 6});
}

TEST(MovingAverage, IsNotRecordedAndMovesWithTheModel) {
  const Model model;
  nn::MovingAverage average(model, 0.5);
  Tape tape;
  for (int i = 0; i < 2; ++i) average.update();
  EXPECT_EQ(tape.node_count(), 0u);
  model.to(float32);
  EXPECT_EQ(average.state().tensors.at("weight").dtype(), float32);
  model.set(3);
  average.update();
  expect_values(average.state().tensors.at("weight").to(float64), {2, 2.5});
}

class MovingAverageFile : public Scratch {};

TEST_F(MovingAverageFile, GoesOnBitForBit) {
  const std::uint64_t seed = fresh_seed();
  SCOPED_TRACE("TAPER_SEED=" + std::to_string(seed));
  Generator generator(seed);
  const nn::Mlp model(3, 4, generator), fresh(3, 4, generator);
  nn::MovingAverage average(model, 0.9), resumed(fresh, 0.9);
  const auto walk = [&](nn::MovingAverage& follower, const nn::Mlp& on, int steps) {
    for (int i = 0; i < steps; ++i) {
      for (Tensor x : on.parameters()) internal::copy_elements(x + randn(x.shape(), generator), x);
      follower.update();
    }
  };
  for (const int steps : {0, 1, 5}) {
    walk(average, model, steps);
    save_safetensors(path("x"), average.state());
    fresh.load_state_dict(model.state_dict());
    resumed.load_state(load_safetensors(path("x")));
    const Generator kept = generator;
    walk(average, model, 3);
    generator = kept;
    walk(resumed, fresh, 3);
    EXPECT_EQ(resumed.state().texts, average.state().texts);
    for (const auto& [name, tensor] : average.state().tensors)
      expect_same(resumed.state().tensors.at(name), tensor);
  }
}

TEST(MovingAverage, Errors) {
  const Model model;
  for (const double decay : {-0.1, 1.0}) {
    expect_error("MovingAverage", [&] { nn::MovingAverage(model, decay); },
                 {"decay must be in [0, 1)", printed(decay)});
  }
  nn::MovingAverage average(model, 0.75);
  model.set(5);
  average.update();
  const State good = average.state();
  const auto refuse = [&](const State& state, const std::string& says) {
    expect_error("load_state", [&] { average.load_state(state); }, {says});
    EXPECT_EQ(average.state().texts, good.texts);
    for (const auto& [name, tensor] : good.tensors) expect_same(average.state().tensors.at(name), tensor);
  };
  State state = good;
  state.texts.erase("decay");
  refuse(state, "text 'decay' is missing");
  state.texts["decay"] = "0.5";
  refuse(state, "decay is 0.5 in the state and 0.75 here");
  for (const std::string text : {"-1", "1x"}) {
    state = good;
    state.texts["updates"] = text;
    refuse(state, "updates must be a whole number of at least 0, got '" + text + "'");
  }
  state = good;
  state.tensors.erase("count");
  state.tensors["weight"] = ones({3});
  refuse(state, "missing: 'count'; wrong: 'weight' is float32 (3,)");
}

}  // namespace
}  // namespace taper::test
