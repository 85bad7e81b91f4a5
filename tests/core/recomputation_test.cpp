// checkpoint: the values, gradients and random numbers of the function itself, in less memory.
#include "support/helpers.hpp"
#include <taper/core/gradcheck/gtest.hpp>
#include <taper/taper.hpp>

#include <cmath>
#include <functional>
#include <optional>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

using Function = std::function<Tensor(const Tensor&)>;

// Two layers with a parameter each, and a count of the calls.
struct Block : nn::Module {
  nn::Linear first, second;
  mutable int* calls = nullptr;
  explicit Block(std::uint64_t seed, std::int64_t width = 3) : Block(Generator(seed), width) {}
  Block(Generator generator, std::int64_t width)
      : first(width, width, generator, {.dtype = float64}),
        second(width, width, generator, {.dtype = float64}) {}
  void list(nn::Parts& parts) const override { parts.add("first", first), parts.add("second", second); }
  Tensor operator()(const Tensor& x) const {
    if (calls) ++*calls;
    return x + second(tanh(first(x)));
  }
};

Function checkpointed(Function f) {
  return [f = std::move(f)](const Tensor& x) { return checkpoint(f, x); };
}

// The gradients of sum(f(x)^2) for x and the parameters, by backward.
Tensors gradients_of(const Function& f, Tensor x, const nn::Module& model) {
  model.zero_grad();
  x = x.clone().requires_grad();
  Tape tape;
  tape.backward(sum(square(f(x))));
  Tensors result{x.grad()};
  for (const Tensor& parameter : model.parameters()) result.push_back(parameter.grad().clone());
  return result;
}

void expect_same_gradients(const Function& plain, const Function& other, const Tensor& x,
                           const nn::Module& model) {
  const Tensors wanted = gradients_of(plain, x, model), got = gradients_of(other, x, model);
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) expect_same(got[i], wanted[i]);
}

TEST(Recomputation, GivesTheSameBits) {
  const Block a(1), b(2);
  struct Both : nn::Module {
    const Block &a, &b;
    Both(const Block& a, const Block& b) : a(a), b(b) {}
    void list(nn::Parts& parts) const override { parts.add("a", a), parts.add("b", b); }
  };
  const Both both(a, b);
  const Tensor x = randn({4, 3}, float64);
  expect_same_gradients([&](const Tensor& x) { return b(a(x)); },
                        [&](const Tensor& x) { return checkpoint(b, checkpoint(a, x)); }, x, both);
  expect_same(checkpoint(a, x), a(x));  // without a tape
}

TEST(Recomputation, CallsTheFunctionAgainInBackwardOnly) {
  int calls = 0;
  Block block(1);
  block.calls = &calls;
  const Tensor x = randn({4, 3}, float64).requires_grad();
  checkpoint(block, x);
  EXPECT_EQ(calls, 1);
  Tape tape;
  const Tensor loss = sum(checkpoint(block, x));
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(tape.node_count(), 1 + block.parameters().size() + 2);  // leaves, checkpoint, sum
  tape.backward(loss, {.keep_graph = true});
  EXPECT_EQ(calls, 3);  // once for all five gradients
  tape.backward(loss);
  EXPECT_EQ(calls, 4);
}

TEST(Recomputation, OfAFunctionThatNeedsNoGradientNothingIsRecorded) {
  const Tensor constant = ones({2});
  Tensor leaf = ones({2}).requires_grad();
  Tape tape;
  EXPECT_FALSE(Tape::tracks(checkpoint([](const Tensor& x) { return exp(x); }, constant)));
  EXPECT_FALSE(Tape::tracks(checkpoint([&](const Tensor&) { return constant; }, leaf)));
  EXPECT_EQ(tape.node_count(), 0u);
  // What comes back as it is keeps its history.
  const Tensor y = exp(leaf), z = checkpoint([](const Tensor&x) { return x; }, y);
  const Tensor captured = checkpoint([&](const Tensor&) { return y; }, leaf);
  EXPECT_EQ(&z.impl(), &y.impl());
  EXPECT_EQ(&captured.impl(), &y.impl());
  const Function ignores = [&](const Tensor& x) {
    exp(x);
    return y;
  };
  EXPECT_EQ(&checkpoint(ignores, leaf).impl(), &y.impl());
  tape.backward(sum(z));
  expect_close(leaf.grad(), exp(ones({2})), 1e-7);
}

TEST(Recomputation, SeesWhatTheFunctionCaptures) {
  Tensor p = tensor({0.5, -1}, float64).requires_grad(), q = tensor({2, 3}, float64).requires_grad();
  const auto loss = [&](bool checkpoints) {
    const Tensor a = sin(p * q), b = exp(p);  // b depends on what f uses too
    const Function f = [=](const Tensor& x) { return x * a * q + b * x; };
    return sum(checkpoints ? checkpoint(f, a) : f(a));
  };
  for (const bool creates : {false, true}) {
    Tensors results[2];
    for (const bool checkpoints : {false, true}) {
      Tape tape;
      results[checkpoints] = tape.gradient(loss(checkpoints), {p, q}, {.create_graph = creates});
    }
    for (std::size_t i = 0; i < 2; ++i) expect_close(results[1][i], results[0][i], 1e-14);
  }
  // Only the captured result needs a gradient.
  Tape tape;
  const Tensor a = square(p);
  const Tensor y = checkpoint([&](const Tensor& x) { return x * a; }, ones({2}, float64));
  tape.backward(sum(y));
  expect_values(p.grad(), {1, -2}, 1e-15);
}

TEST(Recomputation, GradientsOfAnyOrder) {
  const Block block(3);
  const Tensor w = tensor({0.5, -0.25, 1.5}, float64).requires_grad();
  const Function inner = [&](const Tensor& x) { return sin(x * w) + block(x); };
  const Function nested = checkpointed([&](const Tensor& x) { return exp(checkpoint(inner, x) * 0.3); });
  const Tensor x = randn({2, 3}, float64);
  for (const Function& f : {checkpointed(inner), nested}) {
    EXPECT_GRADIENTS(f, x);
    EXPECT_SECOND_GRADIENTS(f, x);
  }
  // The third derivative of x^4, and mixed ones.
  const Function power = checkpointed([](const Tensor& x) { return square(square(x)); });
  Tensor at = tensor({2.0}, float64).requires_grad();
  Tape tape;
  Tensor d = power(at);
  for (const double wanted : {32.0, 48.0, 48.0, 24.0}) {
    d = tape.gradient(d, {at}, {.create_graph = true})[0];
    expect_values(d, {wanted}, 1e-12);
  }
}

TEST(Recomputation, SecondDerivativesOfParametersAndInputsTogether) {
  const Block block(4);
  const Tensor x = randn({2, 3}, float64), v = randn({2, 3}, float64);
  // d/dw of |d sum(f(x) v) / dx|^2, as in a penalty on gradients.
  const auto penalty = [&](const Function& f) {
    block.zero_grad();
    const Tensor leaf = x.clone().requires_grad();
    Tape tape;
    const Tensor scaled = leaf * 2;
    const Tensor dx = tape.gradient(sum(f(scaled) * v), {leaf}, {.create_graph = true})[0];
    tape.backward(sum(square(dx)));
    Tensors result{leaf.grad()};
    for (const Tensor& parameter : block.parameters()) {
      result.push_back(parameter.grad() ? parameter.grad() : zeros(parameter.shape(), float64));
    }
    return result;
  };
  const Tensors wanted = penalty(block), got = penalty(checkpointed(block));
  for (std::size_t i = 0; i < wanted.size(); ++i) expect_close(got[i], wanted[i], 1e-13);
}

TEST(Recomputation, NestsAndRepeats) {
  const Block block(5);
  const Function twice = [&](const Tensor& x) { return checkpoint(block, checkpoint(block, x)); };
  const Function plain = [&](const Tensor& x) { return block(block(block(block(x)))); };
  const Function nested = [&](const Tensor& x) { return checkpoint(twice, checkpoint(twice, x)); };
  const Tensor x = randn({2, 3}, float64);
  const Tensors wanted = gradients_of(plain, x, block), got = gradients_of(nested, x, block);
  for (std::size_t i = 0; i < wanted.size(); ++i) expect_close(got[i], wanted[i], 1e-13);
}

TEST(Recomputation, DrawsTheSameRandomNumbers) {
  const std::uint64_t seed = fresh_seed();
  Generator generator;
  const nn::Dropout dropout(0.5, generator), by_default(0.3);
  const Block block(6);
  const Function f = [&](const Tensor& x) {
    Generator local = nn::generator_of(seed, 1);
    const Tensor noisy = x + randn(x.shape(), local, float64) * randn(x.shape(), generator, float64);
    Generator another(seed + 1);
    return by_default(block(dropout(noisy))) * uniform(x.shape(), 1, 2, another, float64) +
           randn(x.shape(), generator, float64);
  };
  const Function nested = [&](const Tensor& x) {
    return checkpoint(f, x) * randn(x.shape(), generator, float64);
  };
  const Function plain = [&](const Tensor& x) { return f(x) * randn(x.shape(), generator, float64); };
  // (3, 5): an odd number of normal draws leaves one over for the next.
  const Tensor x = randn({5, 3}, float64);
  for (const bool leaves_one_over : {false, true}) {
    std::vector<Tensors> results;
    std::vector<std::string> states;
    for (const Function& each : {Function(f), checkpointed(f), plain, checkpointed(nested)}) {
      generator = Generator(seed);
      default_generator() = Generator(seed + 2);
      if (leaves_one_over) generator.normal();
      results.push_back(gradients_of(each, x, block));
      states.push_back(generator.state() + default_generator().state());
    }
    for (std::size_t i = 0; i < results[0].size(); ++i) {
      expect_same(results[1][i], results[0][i]);
      expect_close(results[3][i], results[2][i], 1e-13);
    }
    EXPECT_EQ(states[0], states[1]);
    EXPECT_EQ(states[2], states[3]);
  }
}

TEST(Recomputation, WritesToNoGeneratorThatIsGone) {
  std::optional<Generator> slot;
  const Function f = [&](const Tensor& x) {
    slot.emplace(1);
    const Tensor y = x * randn(x.shape(), *slot);
    slot.emplace(99);  // another one in the same place
    return y;
  };
  Tensor x = ones({2}).requires_grad();
  Tape tape;
  tape.backward(sum(checkpoint(f, x)));
  EXPECT_EQ(slot->state(), Generator(99).state());
}

TEST(Recomputation, TellsModulesThatTheirCallIsTheSecond) {
  std::vector<bool> flags;
  const Function inner = [&](const Tensor& x) {
    flags.push_back(is_recomputing());
    return square(x);
  };
  Tensor x = ones({2}).requires_grad();
  Tape tape;
  tape.backward(sum(checkpoint([&](const Tensor& x) { return checkpoint(inner, x); }, x)));
  EXPECT_EQ(flags, (std::vector<bool>{false, true, true}));
  EXPECT_FALSE(is_recomputing());
}

TEST(Recomputation, SavesMemory) {
  constexpr int depth = 16;
  const Tensor x = randn({256, 64});
  const auto bytes = [&](const Function& block) {
    const std::size_t before = pool_stats().bytes_in_use;
    const Tensor leaf = x.clone().requires_grad();
    Tape tape;
    Tensor y = leaf;
    for (int i = 0; i < depth; ++i) y = block(y);
    return pool_stats().bytes_in_use - before;
  };
  const Function block = [](const Tensor& x) { return tanh(sin(x) * cos(x) + exp(-square(x))); };
  const std::size_t plain = bytes(block), saved = bytes(checkpointed(block));
  EXPECT_LT(3 * saved, plain);
}

TEST(Recomputation, StaleGradientsAreNeverUsed) {
  // The same cotangent in several walks, each of which asks for other gradients.
  const Block block(7);
  const Tensor x = randn({2, 3}, float64).requires_grad(), cotangent = randn({2, 3}, float64);
  const Tensor w = block.first.weight;
  Tape tape;
  const Tensor y = checkpoint(block, x), z = block(x);
  const auto both = [&](const Tensors& inputs, bool creates) {
    const GradientOptions options{.create_graph = creates, .keep_graph = true, .cotangent = cotangent};
    const Tensors got = tape.gradient(y, inputs, options), wanted = tape.gradient(z, inputs, options);
    for (std::size_t i = 0; i < inputs.size(); ++i) expect_close(got[i], wanted[i], 1e-14);
    return std::pair(got[0], wanted[0]);
  };
  both({x}, false);
  both({w}, false);
  both({w}, false);  // leaves the gradient of x over, which is a constant
  const auto [got, wanted] = both({x}, true);
  expect_close(tape.gradient(sum(square(got)), {x}, {.keep_graph = true})[0],
               tape.gradient(sum(square(wanted)), {x}, {.keep_graph = true})[0], 1e-13);
  both({x, w}, false);
  // What is given away holds on to nothing.
  const Tensor other = randn({2, 3}, float64);
  tape.gradient(y, {x, w, block.first.bias, block.second.weight, block.second.bias},
                {.keep_graph = true, .cotangent = other});
  EXPECT_TRUE(other.is_sole_owner());
}

TEST(Recomputation, RefusesWhatMakesNoSense) {
  expect_error("checkpoint", [] { checkpoint([](const Tensor& x) { return x; }, Tensor()); }, {"x"});
  Tensor x = ones({2}).requires_grad();
  {
    Tape tape;
    expect_error("checkpoint", [&] { checkpoint([](const Tensor&) { return Tensor(); }, x); },
                 {"f's result"});
  }
  // Another result the second time.
  int calls = 0;
  Tape tape;
  const Tensor y = checkpoint([&](const Tensor& x) { return ++calls == 1 ? square(x) : sum(x); }, x);
  expect_error("backward", [&] { tape.backward(sum(y)); }, {"cotangent"});
}

TEST(Recomputation, AParameterThatChangedInBetweenIsAnError) {
  nn::Linear layer(2, 2);
  const Tensor x = ones({1, 2}).requires_grad();
  Tape tape;
  const Tensor loss = sum(checkpoint(layer, x));
  layer.weight.mutable_data<float>()[0] = 3;
  expect_error("backward", [&] { tape.backward(loss); }, {"changed"});
}

TEST(Recomputation, ATapeThatChecksOrKeepsValuesSeesIt) {
  Tensor x = tensor({-1.0, 4.0}).requires_grad();
  {
    Tape tape({.check_finite = true});
    expect_error("sqrt", [&] { checkpoint([](const Tensor& x) { return sum(sqrt(x)); }, x); });
  }
  Tape tape({.keep_values = true});
  const Tensor loss = sum(checkpoint([](const Tensor& x) { return square(x); }, x));
  tape.backward(loss, {.create_graph = true});
  EXPECT_EQ(tape.trace().nodes[1].op, "checkpoint");
  expect_values(x.grad(), {-2, 8}, 0);
}

}  // namespace
}  // namespace taper::test
