// Optimizers, against formulas written out in float64, and a model that learns.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

// Runs `optimizer` on 0.5 a p^2, whose gradient is a p, and compares each step with `expected(gradient)`.
template <class Expected>
void follow(optim::Optimizer& optimizer, const Tensor& p, const Tensor& a, double tolerance,
            Expected expected) {
  for (int step = 0; step < 20; ++step) {
    std::vector<double> gradient = (a * p).to_vector();
    const std::vector<double> wanted = expected(gradient);
    Tape tape;
    optimizer.zero_grad();
    tape.backward(sum(a * square(p)) * 0.5);
    optimizer.step();
    expect_values(cast(p.detach(), float64), wanted, tolerance);
  }
}

TEST(Sgd, FollowsItsFormula) {
  for (double momentum : {0.0, 0.9}) {
    Tensor p = tensor({1.0, -2.0, 3.0}, float64).requires_grad();
    optim::Sgd sgd({p}, {.learning_rate = 0.1, .momentum = momentum});
    std::vector<double> value = p.to_vector(), velocity(3);
    follow(sgd, p, tensor({1, 0.5, 2}, float64), 1e-12, [&](const std::vector<double>& g) {
      for (std::size_t i = 0; i < 3; ++i) {
        velocity[i] = momentum * velocity[i] + g[i];
        value[i] -= 0.1 * velocity[i];
      }
      return value;
    });
  }
}

TEST(Adam, FollowsItsFormula) {
  for (DType dtype : {float64, float32}) {
    Tensor p = tensor({1.0, -2.0, 3.0}, dtype).requires_grad();
    optim::Adam adam({p}, {.learning_rate = 0.1, .beta1 = 0.8, .beta2 = 0.9, .epsilon = 1e-4});
    std::vector<double> value = p.to_vector(), m(3), v(3);
    int t = 0;
    // float32 rounds three numbers a step, for 20 steps of size 0.1.
    follow(adam, p, tensor({1, 0.5, 2}, dtype), dtype == float64 ? 1e-12 : 1e-5,
           [&](const std::vector<double>& g) {
             ++t;
             for (std::size_t i = 0; i < 3; ++i) {
               m[i] = 0.8 * m[i] + 0.2 * g[i];
               v[i] = 0.9 * v[i] + 0.1 * g[i] * g[i];
               value[i] -=
                   0.1 * (m[i] / (1 - std::pow(0.8, t))) / (std::sqrt(v[i] / (1 - std::pow(0.9, t))) + 1e-4);
             }
             return value;
           });
  }
}

TEST(Optimizer, LeavesParametersWithoutAGradientAlone) {
  Tensor used = ones({}).requires_grad(), unused = ones({}).requires_grad();
  optim::Adam adam({used, unused});
  Tape tape;
  tape.backward(square(used));
  adam.step();
  EXPECT_NE(used.item(), 1);
  EXPECT_EQ(unused.item(), 1);
}

TEST(Optimizer, Errors) {
  const Tensor p = ones({}).requires_grad();
  expect_error("Adam", [] { optim::Adam({}); }, {"parameters is empty"});
  expect_error("Sgd", [] { optim::Sgd({}); }, {"parameters is empty"});
  expect_error("Optimizer", [&] { optim::Adam({p, Tensor()}); }, {"parameters[1] is an empty handle"});
  expect_error("Adam", [] { optim::Adam({ones({2, 3})}); }, {"all parameters are frozen", "requires_grad()"});
  expect_error("Adam", [&] { optim::Adam({p}, {.learning_rate = -1}); }, {"learning_rate", "-1"});
  expect_error("Adam", [&] { optim::Adam({p}, {.beta1 = 1}); }, {"beta1", "1"});
  expect_error("Adam", [&] { optim::Adam({p}, {.beta2 = -0.5}); }, {"beta2", "-0.5"});
  expect_error("Adam", [&] { optim::Adam({p}, {.epsilon = 0}); }, {"epsilon", "0"});
  expect_error("Sgd", [&] { optim::Sgd({p}, {.learning_rate = -1}); }, {"learning_rate", "-1"});
  expect_error("Sgd", [&] { optim::Sgd({p}, {.momentum = 1}); }, {"momentum", "1"});
}

TEST(Training, ATinyAttentionModelLearns) {
  Generator generator(11);
  const nn::Linear queries(5, 5, generator), keys(5, 5, generator), output(5, 5, generator);
  const nn::SparseAttention attention(2);
  const Tensor x = randn({2, 3, 5}, generator), target = randn({2, 3, 5}, generator);
  std::vector<Tensor> parameters;
  for (const nn::Module* module : {&queries, &keys, &output}) {
    for (const Tensor& parameter : module->parameters()) parameters.push_back(parameter);
  }
  optim::Adam adam(parameters, {.learning_rate = 0.02});
  double first = 0, last = 0;
  for (int step = 0; step < 400; ++step) {
    Tape tape;
    const Tensor loss = nn::mean_squared_error(output(attention(queries(x), keys(x), x)), target);
    adam.zero_grad();
    tape.backward(loss);
    adam.step();
    (step == 0 ? first : last) = loss.item();
  }
  EXPECT_LT(last, first / 3) << "from " << first << " to " << last;
}

}  // namespace
}  // namespace taper::test
