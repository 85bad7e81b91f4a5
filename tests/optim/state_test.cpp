// An optimizer's state: saved and loaded at a random step, what it holds, and what is refused.
#include "optim/adagrad.hpp"
#include "support/helpers.hpp"

#include <cmath>
#include <limits>
#include <memory>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using Maker = std::function<std::unique_ptr<optim::Optimizer>(const Tensors&)>;

template <class Optimizer, class Options>
Maker maker(const Options& options) {
  return [options](const Tensors& parameters) { return std::make_unique<Optimizer>(parameters, options); };
}

const std::map<std::string, Maker>& makers() {
  static const std::map<std::string, Maker> all{
      {"Sgd", maker<optim::Sgd>(optim::SgdOptions{.learning_rate = 0.1})},
      {"Sgd with momentum", maker<optim::Sgd>(optim::SgdOptions{.learning_rate = 0.1, .momentum = 0.9})},
      {"Sgd with Nesterov's momentum",
       maker<optim::Sgd>(optim::SgdOptions{.learning_rate = 0.1, .momentum = 0.8, .nesterov = true})},
      {"Sgd with Nesterov's momentum and weight decay",
       maker<optim::Sgd>(
           optim::SgdOptions{.learning_rate = 0.1, .momentum = 0.8, .nesterov = true, .weight_decay = 0.1})},
      {"Adam", maker<optim::Adam>(optim::AdamOptions{.learning_rate = 0.01})},
      {"AdamW", maker<optim::AdamW>(optim::AdamWOptions{.learning_rate = 0.01, .weight_decay = 0.1})},
      {"Sgd with weight decay",
       maker<optim::Sgd>(optim::SgdOptions{.learning_rate = 0.1, .weight_decay = 0.1})},
      {"Sgd with momentum and weight decay",
       maker<optim::Sgd>(optim::SgdOptions{.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.1})},
      {"RmsProp", maker<optim::RmsProp>(optim::RmsPropOptions{.learning_rate = 0.01})},
      {"A user's", maker<Adagrad>(AdagradOptions{.learning_rate = 0.01})},
  };
  return all;
}

Tensors copies(const Tensors& tensors) {
  Tensors result;
  for (const Tensor& tensor : tensors) result.push_back(tensor.clone().requires_grad());
  return result;
}

// Gives each parameter a gradient drawn from `generator`, or, now and then, none.
void draw_gradients(const Tensors& parameters, Generator& generator) {
  for (const Tensor& parameter : parameters) {
    const bool has_gradient = generator.uniform() < 0.8;
    const Tensor gradient = randn(parameter.shape(), generator, parameter.dtype());
    parameter.impl().grad = has_gradient ? gradient : Tensor();
  }
}

class EveryOptimizer : public testing::TestWithParam<std::string> {
 protected:
  const Maker& make = makers().at(GetParam());
};

TEST_P(EveryOptimizer, GoesOnFromItsStateBitForBit) {
  const std::uint64_t seed = fresh_seed();
  SCOPED_TRACE("TAPER_SEED=" + std::to_string(seed));
  Generator generator(seed);
  for (int round = 0; round < 5; ++round) {
    const Tensors parameters = copies({randn({3, 4}, generator, float32), randn({}, generator, float64),
                                       randn({0, 2}, generator), randn({7}, generator, float64)});
    const auto optimizer = make(parameters);
    const auto train = [](optim::Optimizer& trained, const Tensors& on, Generator& gradients, int steps) {
      for (int i = 0; i < steps; ++i) {
        draw_gradients(on, gradients);
        trained.set_learning_rate(0.1 / (1 + i));
        trained.step();
      }
    };
    optimizer->scale_learning_rate({parameters[0], parameters[3]}, 0.1 * generator.uniform());
    train(*optimizer, parameters, generator, static_cast<int>(generator.bits() % 20));
    const Tensors others = copies(parameters);
    const auto other = make(others);
    const State state = optimizer->state();
    other->load_state(state);
    EXPECT_EQ(other->learning_rate(), optimizer->learning_rate());
    EXPECT_EQ(other->state().texts, state.texts);

    Generator same = generator;
    train(*optimizer, parameters, generator, 10);
    train(*other, others, same, 10);
    for (std::size_t i = 0; i < parameters.size(); ++i) expect_same(parameters[i], others[i]);
    const State end = optimizer->state(), other_end = other->state();
    EXPECT_EQ(end.texts, other_end.texts);
    for (const auto& [name, tensor] : end.tensors) expect_same(other_end.tensors.at(name), tensor);
  }
}

TEST_P(EveryOptimizer, LoadsAllOrNothing) {
  Generator generator(3);
  const Tensors parameters = copies({randn({2, 3}, generator), randn({4}, generator, float64)});
  const auto optimizer = make(parameters), fresh = make(parameters);
  draw_gradients(parameters, generator);
  optimizer->step();
  const State good = optimizer->state(), before = fresh->state();

  std::map<std::string, State> bad;  // by what the message must contain
  for (const auto& [name, text] : good.texts) {
    bad["text '" + name + "' is missing"] = good;
    bad["text '" + name + "' is missing"].texts.erase(name);
    if (name == "optimizer") continue;
    bad[name + "' must be a number, got '1x'"] = good;
    bad[name + "' must be a number, got '1x'"].texts[name] = "1x";
  }
  for (const auto& [name, tensor] : good.tensors) {
    bad["tensor '" + name + "' is missing"] = good;
    bad["tensor '" + name + "' is missing"].tensors.erase(name);
    const std::string wrong_shape = "tensor '" + name + "' is " + printed(tensor.dtype()) + " (5,)";
    bad[wrong_shape] = good;
    bad[wrong_shape].tensors[name] = ones({5}, tensor.dtype());
    const DType other_dtype = tensor.dtype() == float32 ? float64 : float32;
    const std::string wrong_dtype = "tensor '" + name + "' is " + printed(other_dtype);
    bad[wrong_dtype] = good;
    bad[wrong_dtype].tensors[name] = zeros(tensor.shape(), other_dtype);
  }
  bad["tensor '2.first_moment' is none"] = good;
  bad["tensor '2.first_moment' is none"].tensors["2.first_moment"] = ones({1});
  bad["text 'colour' is none"] = good;
  bad["text 'colour' is none"].texts["colour"] = "red";
  bad["'Rprop'"] = good;
  bad["'Rprop'"].texts["optimizer"] = "Rprop";
  bad["3 parameters, this optimizer has 2"] = good;
  bad["3 parameters, this optimizer has 2"].texts["parameters"] = "3";
  for (const std::string steps : {"-1", "9223372036854775807"}) {
    bad["'1.steps' must be in [0, 2^53], got " + steps] = good;
    bad["'1.steps' must be in [0, 2^53], got " + steps].texts["1.steps"] = steps;
  }
  bad["learning_rate must be finite"] = good;
  bad["learning_rate must be finite"].texts["learning_rate"] = "nan";
  for (const std::string name :
       {"momentum", "nesterov", "beta1", "beta2", "epsilon", "weight_decay", "decay"}) {
    if (!good.texts.count(name)) continue;
    bad[name + " is 0.25 in the state"] = good;
    bad[name + " is 0.25 in the state"].texts[name] = "0.25";
  }

  for (const auto& [says, state] : bad) {
    const State& refused = state;
    expect_error("load_state", [&] { fresh->load_state(refused); }, {says});
    const State after = fresh->state();
    EXPECT_EQ(after.texts, before.texts) << says;
    for (const auto& [name, tensor] : before.tensors) expect_same(after.tensors.at(name), tensor);
  }
  fresh->load_state(good);
  EXPECT_EQ(fresh->state().texts, good.texts);
}

// One parameter larger than a thread's share, and small ones on both sides.
TEST_P(EveryOptimizer, DoesNotDependOnTheNumberOfThreads) {
  Generator generator(7);
  const Tensors start{randn({3}, generator), randn({199, 257}, generator), randn({5000}, generator, float64),
                      randn({1}, generator)};
  const int threads = thread_count();
  Tensors expected;
  for (const int count : {1, 2, 5}) {
    set_thread_count(count);
    const Tensors parameters = copies(start);
    const auto optimizer = make(parameters);
    Generator gradients(8);
    for (int step = 0; step < 3; ++step) {
      draw_gradients(parameters, gradients);
      optimizer->step();
    }
    if (expected.empty()) expected = parameters;
    for (std::size_t i = 0; i < parameters.size(); ++i) expect_same(parameters[i], expected[i]);
  }
  set_thread_count(threads);
}

INSTANTIATE_TEST_SUITE_P(All, EveryOptimizer, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const auto& [name, make] : makers()) names.push_back(name);
                           return names;
                         }()),
                         [](const auto& parameter) {
                           std::string name;
                           for (const char c : parameter.param) {
                             if (std::isalnum(static_cast<unsigned char>(c))) name += c;
                           }
                           return name;
                         });

TEST(OptimizerState, HoldsCopiesUnderTheirNames) {
  Tensor used = ones({2}, float64).requires_grad(), unused = ones({3}).requires_grad();
  optim::Adam adam({used, unused}, {.learning_rate = 0.1});
  for (int step = 0; step < 2; ++step) {
    Tape tape;
    tape.backward(sum(used));
    adam.step();
    adam.zero_grad();
  }
  State state = adam.state();
  EXPECT_EQ(state.texts, (std::map<std::string, std::string>{{"0.steps", "2"},
                                                             {"1.steps", "0"},
                                                             {"beta1", "0.9"},
                                                             {"beta2", "0.999"},
                                                             {"epsilon", "1e-08"},
                                                             {"learning_rate", "0.1"},
                                                             {"optimizer", "Adam"},
                                                             {"parameters", "2"},
                                                             {"weight_decay", "0"}}));
  ASSERT_EQ(state.tensors.size(), 4u);
  expect_values(state.tensors.at("0.first_moment"), {0.19, 0.19}, 1e-15);
  expect_values(state.tensors.at("0.second_moment"), {0.001999, 0.001999}, 1e-15);
  expect_same(state.tensors.at("1.first_moment"), zeros({3}));
  state.tensors.at("0.first_moment").mutable_data<double>()[0] = 7;
  expect_values(adam.state().tensors.at("0.first_moment"), {0.19, 0.19}, 1e-15);

  EXPECT_TRUE(optim::Sgd({used}).state().tensors.empty());
  EXPECT_EQ(optim::Sgd({used}, {.momentum = 0.5, .nesterov = true}).state().texts,
            (std::map<std::string, std::string>{{"0.steps", "0"},
                                                {"learning_rate", "0.01"},
                                                {"momentum", "0.5"},
                                                {"nesterov", "1"},
                                                {"optimizer", "Sgd"},
                                                {"parameters", "1"}}));
}

TEST(Optimizer, CountsTheStepsOfEachParameter) {
  // The first gradient of `late` comes in step 4; as its first step it moves by the learning rate.
  Tensor early = zeros({}, float64).requires_grad(), late = zeros({}, float64).requires_grad();
  optim::Adam adam({early, late}, {.learning_rate = 0.5});
  for (int step = 1; step <= 4; ++step) {
    Tape tape;
    adam.zero_grad();
    tape.backward(step < 4 ? 3.0 * early : early + 3.0 * late);
    adam.step();
  }
  EXPECT_NEAR(late.item(), -0.5, 1e-8);
}

// Sgd with a factor of 1/8 is Sgd with an eighth of the rate, bit for bit, on a schedule too.
TEST(Optimizer, ParametersHaveRatesOfTheirOwn) {
  const Tensors pair = copies({ones({3}, float64), ones({2}, float64)}), slow = copies({ones({2}, float64)});
  optim::Sgd both(pair, {.learning_rate = 0.5, .momentum = 0.9}),
      alone(slow, {.learning_rate = 0.5 / 8, .momentum = 0.9});
  both.scale_learning_rate({pair[1]}, 1. / 8);
  Generator generator(9);
  for (int step = 0; step < 5; ++step) {
    draw_gradients(pair, generator);
    slow[0].impl().grad = pair[1].grad();
    both.set_learning_rate(0.5 / (1 + step));
    alone.set_learning_rate(0.5 / (1 + step) / 8);
    both.step();
    alone.step();
  }
  expect_same(pair[1], slow[0]);
  EXPECT_EQ(both.learning_rate(), 0.1);
  EXPECT_EQ(both.state().texts.at("1.learning_rate_factor"), "0.125");
  EXPECT_EQ(both.state().texts.count("0.learning_rate_factor"), 0u);

  // A state's factors replace those that are there.
  optim::Sgd other(copies(pair), {.momentum = 0.9});
  other.load_state(both.state());
  EXPECT_EQ(other.state().texts, both.state().texts);
  both.scale_learning_rate(pair, 1);
  other.load_state(both.state());
  EXPECT_EQ(other.state().texts.count("1.learning_rate_factor"), 0u);
}

TEST(Optimizer, RateFactorErrors) {
  const Tensors parameters = copies({ones({3}), ones({2})});
  optim::Sgd sgd(parameters);
  const State before = sgd.state();
  for (const double factor : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    expect_error("scale_learning_rate", [&] { sgd.scale_learning_rate(parameters, factor); },
                 {"factor must be finite and at least 0", printed(factor)});
    State state = before;
    state.texts["1.learning_rate_factor"] = printed(factor);
    expect_error("load_state", [&] { sgd.load_state(state); }, {"1.learning_rate_factor"});
  }
  expect_error("scale_learning_rate",
               [&] {
                 sgd.scale_learning_rate({parameters[0], ones({4})}, 2);
               },
               {"parameters[1] of shape (4,) is none of this optimizer's"});
  expect_error("scale_learning_rate", [&] { sgd.scale_learning_rate({Tensor()}, 2); }, {"parameters[0]"});
  EXPECT_EQ(sgd.state().texts, before.texts);
}

// Adam(parameters, 0.01) does not compile; with the name it does.
template <class Optimizer, class Options>
constexpr bool wants_names =
    std::is_constructible_v<Optimizer, Tensors, Options> &&
    !std::is_constructible_v<Optimizer, Tensors, double> && !std::is_constructible_v<Optimizer, Tensors, int>;
static_assert(wants_names<optim::Sgd, optim::SgdOptions> && wants_names<optim::Adam, optim::AdamOptions> &&
              wants_names<optim::AdamW, optim::AdamWOptions> &&
              wants_names<optim::RmsProp, optim::RmsPropOptions>);

TEST(Optimizer, RefusesAParameterTwice) {
  Tensor a = ones({2}).requires_grad(), b = ones({3}).requires_grad();
  expect_error("Optimizer", [&] { optim::Sgd({a, b, a}); }, {"parameters[2]", "parameters[0]", "(2,)"});
}

TEST(Optimizer, LearningRateErrors) {
  Tensor a = ones({2}).requires_grad();
  optim::Sgd sgd({a}, {.learning_rate = 0.5});
  for (const double rate : {-0.1, std::nan(""), std::numeric_limits<double>::infinity()}) {
    expect_error("set_learning_rate", [&] { sgd.set_learning_rate(rate); }, {"learning_rate", printed(rate)});
    expect_error("AdamW", [&] { optim::AdamW({a}, {.learning_rate = rate}); }, {"learning_rate"});
  }
  EXPECT_EQ(sgd.learning_rate(), 0.5);
  sgd.set_learning_rate(0);
  EXPECT_EQ(sgd.learning_rate(), 0);
  expect_error("AdamW", [&] { optim::AdamW({a}, {.weight_decay = -1}); }, {"weight_decay", "-1"});
  expect_error("Sgd", [&] { optim::Sgd({a}, {.nesterov = true}); }, {"nesterov", "momentum"});
  expect_error("Sgd", [&] { optim::Sgd({a}, {.weight_decay = -1}); }, {"weight_decay", "-1"});
  expect_error("RmsProp", [&] { optim::RmsProp({a}, {.decay = 1}); }, {"decay must be in [0, 1)", "1"});
  expect_error("RmsProp", [&] { optim::RmsProp({a}, {.epsilon = 0}); }, {"epsilon must be positive", "0"});
}

}  // namespace
}  // namespace taper::test
