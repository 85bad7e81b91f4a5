// Frozen parameters: optimizers and clipping pass over them, whatever gradient is left in them.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

struct Model : nn::Module {
  nn::Linear body{3, 4}, head{4, 1};
  void list(nn::Parts& parts) const override { parts.add("body", body), parts.add("head", head); }
  Tensor operator()(const Tensor& x) const { return head(tanh(body(x))); }
};

void backward(const Model& model, Generator& generator) {
  const Tensor x = randn({5, 3}, generator);
  Tape tape;
  tape.backward(nn::mean_squared_error(model(x), sum(x, -1, true)));
}

TEST(Frozen, AModuleInOneCall) {
  const Model model;
  model.body.requires_grad(false);
  for (const Tensor& parameter : model.body.parameters()) EXPECT_FALSE(parameter.wants_grad());
  for (const Tensor& parameter : model.head.parameters()) EXPECT_TRUE(parameter.wants_grad());
  model.requires_grad(false);
  for (const Tensor& parameter : model.parameters()) EXPECT_FALSE(parameter.wants_grad());
  model.requires_grad();
  for (const Tensor& parameter : model.parameters()) EXPECT_TRUE(parameter.wants_grad());
}

// Made before or after the optimizer, and thawed for the steps that follow.
TEST(Frozen, StaysAsItIsAndLearnsAgain) {
  Generator generator(1);
  for (const bool is_frozen_first : {true, false}) {
    const Model model;
    if (is_frozen_first) model.body.requires_grad(false);
    optim::Adam adam(model.parameters());
    model.body.requires_grad(false);
    const std::map<std::string, Tensor> before = model.state_dict();
    for (int step = 0; step < 3; ++step) {
      adam.zero_grad();
      backward(model, generator);
      EXPECT_FALSE(model.body.weight.grad());
      optim::clip_gradients(model.parameters(), 1);
      adam.step();
    }
    expect_same(model.body.weight, before.at("body.weight"));
    EXPECT_NE(model.head.weight.to_vector(), before.at("head.weight").to_vector());
    EXPECT_EQ(adam.state().texts.at("0.steps"), "0");
    EXPECT_EQ(adam.state().texts.at("2.steps"), "3");

    model.body.requires_grad();
    backward(model, generator);
    adam.step();
    EXPECT_NE(model.body.weight.to_vector(), before.at("body.weight").to_vector());
    EXPECT_EQ(adam.state().texts.at("0.steps"), "1");
  }
}

TEST(Frozen, AGradientFromBeforeIsNotUsed) {
  Generator generator(2);
  const Model model;
  optim::Sgd sgd(model.parameters());
  backward(model, generator);
  model.body.requires_grad(false);
  const Tensor weight = model.body.weight.clone(), gradient = model.body.weight.grad().clone();
  double squares = 0;
  for (const Tensor& parameter : model.head.parameters()) {
    for (const double g : parameter.grad().to_vector()) squares += g * g;
  }
  EXPECT_NEAR(optim::clip_gradients(model.parameters(), 1e-3), std::sqrt(squares), 1e-6);
  sgd.step();
  expect_same(model.body.weight, weight);
  expect_same(model.body.weight.grad(), gradient);
  EXPECT_NEAR(optim::clip_gradients(model.parameters(), 1), 1e-3, 1e-6);
}

TEST(Frozen, NothingToTrainIsAnError) {
  const Model model;
  optim::Sgd sgd(model.parameters());
  model.requires_grad(false);
  expect_error("Sgd", [&] { sgd.step(); }, {"all parameters are frozen", "requires_grad()"});
  expect_error("AdamW", [&] { optim::AdamW{model.parameters()}; }, {"all parameters are frozen"});
}

TEST(Optimizer, RefusesARecordedResult) {
  const Model model;
  Tape tape;
  const Tensor result = 2.0 * model.head.weight;
  expect_error("Optimizer",
               [&] {
                 optim::Sgd({model.head.weight, result});
               },
               {"parameters[1]", "(4, 1)", "recorded result"});
}

}  // namespace
}  // namespace taper::test
