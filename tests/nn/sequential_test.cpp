// Sequential and Mlp: the composition, names, copies and errors.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <cstdlib>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using nn::Linear;
using nn::Mlp;
using nn::Sequential;

std::vector<std::string> names(const nn::Module& module) {
  std::vector<std::string> result;
  for (const auto& [name, parameter] : module.named_parameters()) result.push_back(name);
  return result;
}

Tensor doubled(const Tensor& x) { return x * 2.0; }

TEST(Sequential, AppliesModulesAndFunctionsInOrder) {
  Generator generator(1);
  const Linear first(2, 8, generator, {.dtype = float64}), last(8, 1, generator, {.dtype = float64});
  const Tensor x = randn({5, 2}, generator, float64);
  const Sequential model{first, relu, gelu, last, [](const Tensor& y) { return softmax(y, 0); }};
  expect_same(model(x), softmax(last(gelu(relu(first(x)))), 0));
  expect_same(Sequential(doubled, [](const Tensor& y) { return y + 1.0; })(x), x * 2.0 + 1.0);
  EXPECT_EQ(model.size(), 5u);
}

// Each of these names has overloads in the C library, some in namespace std.
TEST(Sequential, TakesOverloadedFunctionsByTheirNames) {
  const Tensor x = tensor({0.5, 1, 2}, float64);
  expect_same(Sequential(tanh, exp, sqrt)(x), sqrt(exp(tanh(x))));
  expect_same(Sequential{log, sin, cos, abs}(x), abs(cos(sin(log(x)))));
  expect_same(Sequential().add(erf).add(expm1).add(log1p)(x), log1p(expm1(erf(x))));
  const Sequential longest(relu, relu, relu, relu, relu, relu, relu, relu, relu, relu, relu, relu, relu, relu,
                           relu, relu, relu, relu, relu, relu, relu, relu, relu, relu, relu, relu, relu, relu,
                           relu, relu, relu, neg);
  EXPECT_EQ(longest.size(), 32u);
  expect_same(longest(x), -x);
}

TEST(Sequential, NamesPartsByTheirNumberFunctionsIncluded) {
  const Sequential inner{relu, Linear(3, 3, {.bias = false})};
  const Sequential model{Linear(2, 3), relu, Linear(3, 3), inner, nn::MultiHeadSparseAttention(2, 1, 1)};
  EXPECT_EQ(names(model),
            (std::vector<std::string>{"0.weight", "0.bias", "2.weight", "2.bias", "3.1.weight",
                                      "4.query.weight", "4.query.bias", "4.key.weight", "4.key.bias",
                                      "4.value.weight", "4.value.bias", "4.output.weight", "4.output.bias"}));
}

TEST(Sequential, IsBuiltInALoopToo) {
  Generator one(2), two(2);
  Sequential model;
  EXPECT_EQ(model.size(), 0u);
  const Tensor x = ones({3, 4});
  EXPECT_EQ(&model(x).impl(), &x.impl());  // no part: x itself
  for (int i = 0; i < 2; ++i) model.add(Linear(4, 4, one)).add(relu);
  const Linear first(4, 4, two), second(4, 4, two);
  expect_same(model(x), relu(second(relu(first(x)))));
  EXPECT_EQ(names(model), (std::vector<std::string>{"0.weight", "0.bias", "2.weight", "2.bias"}));
}

TEST(Sequential, HoldsItsPartsByValueAndSharesTheirParameters) {
  Linear line(2, 2);
  Sequential model{line, relu};
  Sequential copy = model;  // not a Sequential inside another
  const Sequential moved = std::move(model);
  EXPECT_EQ(copy.size(), 2u);
  EXPECT_EQ(moved.size(), 2u);
  EXPECT_EQ(&copy.parameters()[0].impl(), &line.weight.impl());
  EXPECT_EQ(&moved.parameters()[0].impl(), &line.weight.impl());
  line.weight.mutable_data<float>()[0] = 42;
  EXPECT_EQ(copy.at<Linear>(0).weight.data<float>()[0], 42);
  // A handle assigned in one copy is that copy's own.
  copy.at<Linear>(0).weight = zeros({2, 2});
  EXPECT_EQ(&moved.parameters()[0].impl(), &line.weight.impl());
  expect_close(copy(ones({2})), relu(line.bias));
  copy = moved;
  EXPECT_EQ(&copy.parameters()[0].impl(), &line.weight.impl());
}

TEST(Sequential, GivesItsPartsToReadAndChange) {
  Generator generator(3);
  Sequential model{nn::TransformerBlock(4, 2, 2, generator), relu};
  model.at<nn::TransformerBlock>(0).attention.set_k(1);
  EXPECT_EQ(std::as_const(model).at<nn::TransformerBlock>(0).attention.k(), 1);
  const Tensor x = randn({1, 5, 4}, generator);
  expect_same(model(x), relu(model.at<nn::TransformerBlock>(0)(x)));
}

TEST(Sequential, TrainsThroughItsParts) {
  Generator generator(4);
  const Sequential model{Linear(2, 8, generator), relu, Linear(8, 1, generator)};
  const Tensor x = tensor({{0, 0}, {0, 1}, {1, 0}, {1, 1}}), y = tensor({{0}, {1}, {1}, {0}});
  optim::Adam adam(model.parameters(), {.learning_rate = 0.05});
  double loss_now = 1;
  for (int step = 0; step < 300; ++step) {
    Tape tape;
    const Tensor loss = nn::mean_squared_error(model(x), y);
    adam.zero_grad();
    tape.backward(loss);
    adam.step();
    loss_now = loss.item();
  }
  EXPECT_LT(loss_now, 1e-3);  // exclusive or
}

TEST(Sequential, Errors) {
  Sequential model{Linear(2, 2), relu};
  Tensor (*null)(const Tensor&) = nullptr;
  expect_error("Sequential", [&] { model.add(null); }, {"part 2", "null function"});
  expect_error("Sequential", [&] { Sequential(relu, null); }, {"part 1", "null function"});
  expect_error("Sequential", [&] { model.at<Linear>(2); }, {"part 2", "of 2"});
  expect_error("Sequential", [&] { model.at<Mlp>(0); },
               {"part 0 is a taper::nn::Linear, asked for as a taper::nn::Mlp"});
  expect_error("Sequential", [&] { model.at<Linear>(1); },
               {"part 1 is a taper::Tensor (*)(taper::Tensor const&), asked for as a taper::nn::Linear"});
  expect_error("Linear", [&] { model(ones({3})); }, {"(3,)"});
}

TEST(Mlp, IsTwoLayersWithGeluBetween) {
  Generator generator(5), same(5);
  const Mlp mlp(3, 7, generator, {.dtype = float64});
  const Linear hidden(3, 7, same, {.dtype = float64}), output(7, 3, same, {.dtype = float64});
  const Tensor x = randn({2, 4, 3}, generator, float64);
  expect_same(mlp(x), output(gelu(hidden(x))));  // drawn in this order
  EXPECT_EQ(names(mlp),
            (std::vector<std::string>{"hidden.weight", "hidden.bias", "output.weight", "output.bias"}));

  const Mlp narrow(3, 7, {.outputs = 2, .bias = false});
  EXPECT_EQ(narrow(ones({5, 3})).shape(), (Shape{5, 2}));
  EXPECT_EQ(names(narrow), (std::vector<std::string>{"hidden.weight", "output.weight"}));
}

TEST(Mlp, Gradcheck) {
  Generator generator(6);
  Mlp mlp(2, 3, generator, {.dtype = float64});
  const auto f = [&](const Tensors& x) {
    mlp.hidden.weight = x[1], mlp.hidden.bias = x[2], mlp.output.weight = x[3], mlp.output.bias = x[4];
    return mlp(x[0]);
  };
  Tensors inputs{randn({4, 2}, generator, float64)};
  for (const Tensor& parameter : mlp.parameters()) inputs.push_back(parameter.clone());
  const GradcheckReport first = gradcheck(f, inputs), second = gradgradcheck(f, inputs);
  EXPECT_TRUE(first.ok()) << first;
  EXPECT_TRUE(second.ok()) << second;
}

TEST(Mlp, Errors) {
  expect_error("Mlp", [] { Mlp(0, 2); }, {"width", "0"});
  expect_error("Mlp", [] { Mlp(2, 0); }, {"hidden", "0"});
  expect_error("Mlp", [] { Mlp(2, 2, {.outputs = -1}); }, {"outputs", "-1"});
  const Mlp mlp(2, 3);
  expect_error("Linear", [&] { mlp(ones({3})); }, {"2 as its last extent"});
}

}  // namespace
}  // namespace taper::test
