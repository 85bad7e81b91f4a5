// The tape: what backward and gradient return, what they refuse, and how tapes nest and end.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <memory>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

Tensor leaf(const std::vector<double>& values) { return row(values).requires_grad(); }

TEST(Tape, BackwardFillsTheLeaves) {
  Tensor a = leaf({1, 2}), b = leaf({3, 4}), unused = leaf({5});
  Tape tape;
  tape.backward(sum(a * b));
  expect_values(a.grad(), {3, 4}, 0);
  expect_values(b.grad(), {1, 2}, 0);
  EXPECT_FALSE(unused.grad());
}

TEST(Tape, GradientsAccumulateUntilZeroGrad) {
  Tensor a = leaf({1, 2});
  for (int step = 1; step <= 3; ++step) {
    Tape tape;
    tape.backward(sum(square(a)));
    expect_values(a.grad(), {2.0 * step, 4.0 * step}, 0);
  }
  a.zero_grad();
  EXPECT_FALSE(a.grad());
  Tape tape;
  tape.backward(sum(a));
  expect_values(a.grad(), {1, 1}, 0);
}

TEST(Tape, AccumulationLeavesEarlierHandlesAlone) {
  Tensor a = leaf({1, 2});
  {
    Tape tape;
    tape.backward(sum(a));
  }
  const Tensor first = a.grad();
  {
    Tape tape;
    tape.backward(sum(a));
  }
  expect_values(first, {1, 1}, 0);
  expect_values(a.grad(), {2, 2}, 0);
}

// add hands one cotangent to both inputs: scaling one gradient in place must not scale the other.
TEST(Tape, LeavesOwnTheirGradients) {
  Tensor a = leaf({1, 2}), b = leaf({3, 4});
  const Tensor v = row({5, 6});
  Tape tape;
  tape.backward(a + b, {.cotangent = v});
  Tensor grad = a.grad();
  grad.mutable_data<double>()[0] = 100;
  expect_values(b.grad(), {5, 6}, 0);
  expect_values(v, {5, 6}, 0);
}

TEST(Tape, AValueUsedTwiceGetsBothTerms) {
  Tensor a = leaf({2, 3});
  Tape tape;
  const Tensor y = a * a;
  tape.backward(sum(y + y * a));
  expect_values(a.grad(), {2 * 2 + 3 * 4, 2 * 3 + 3 * 9}, 0);
}

TEST(Tape, GradientLeavesGradAlone) {
  Tensor a = leaf({1, 2}), b = leaf({3, 4});
  Tape tape;
  const Tensors da_db = tape.gradient(sum(a * b), {a, b});
  expect_values(da_db[0], {3, 4}, 0);
  expect_values(da_db[1], {1, 2}, 0);
  EXPECT_FALSE(a.grad());
  EXPECT_FALSE(b.grad());
}

TEST(Tape, AnUnconnectedInputGetsZeros) {
  Tensor a = leaf({1, 2}), unused = leaf({5, 6, 7});
  Tape tape;
  const Tensor loss = sum(a), later = square(a);
  const Tensors d = tape.gradient(loss, {unused, later, a}, {.keep_graph = true});
  expect_values(d[0], {0, 0, 0}, 0);
  expect_values(d[1], {0, 0}, 0);
  expect_values(d[2], {1, 1}, 0);
  EXPECT_EQ(tape.gradient(loss, {}, {.keep_graph = true}).size(), 0u);
}

TEST(Tape, InputsMayBeResultsAndTheLossItself) {
  Tensor a = leaf({1, 2});
  Tape tape;
  const Tensor y = a * 3.0, loss = sum(square(y));
  const Tensors d = tape.gradient(loss, {y, a, loss, y});
  expect_values(d[0], {6, 12}, 0);
  expect_values(d[1], {18, 36}, 0);
  expect_values(d[2], {1}, 0);
  expect_values(d[3], {6, 12}, 0);
}

TEST(Tape, ALeafMayBeTheLoss) {
  Tensor a = leaf({4});
  Tape tape;
  tape.backward(a);
  expect_values(a.grad(), {1}, 0);
}

TEST(Tape, ACotangentWeighsTheOutputs) {
  Tensor a = leaf({1, 2, 3});
  Tape tape;
  const Tensor y = square(a);
  const auto keep = [&](const Tensor& v) { return GradientOptions{.keep_graph = true, .cotangent = v}; };
  expect_values(tape.gradient(y, {a}, keep(row({1, 0, -2})))[0], {2, 0, -12}, 0);
  expect_error("gradient", [&] { tape.gradient(y, {a}); }, {"one element", "(3,)"});
  expect_error("backward", [&] { tape.backward(y); }, {"one element", "cotangent", "(3,)"});
  expect_error("backward", [&] { tape.backward(y, keep(row({1}))); }, {"cotangent", "(1,)", "(3,)"});
  expect_error("backward", [&] { tape.backward(y, keep(ones({3}))); }, {"cotangent", "float32", "float64"});
  EXPECT_FALSE(a.grad());
}

TEST(Tape, TheGraphIsFreedUnlessKept) {
  Tensor a = leaf({1, 2});
  Tape tape;
  const Tensor y = square(a), loss = sum(y);
  tape.backward(loss, {.keep_graph = true});
  tape.backward(loss);
  expect_values(a.grad(), {4, 8}, 0);
  expect_error("backward", [&] { tape.backward(loss); }, {"freed", "keep_graph"});
  expect_error("gradient", [&] { tape.gradient(sum(y * 2.0), {a}); }, {"freed", "square"});
  expect_values(a.grad(), {4, 8}, 0);
}

// What lies behind an input is not needed, so it may be gone.
TEST(Tape, AnInputMayBeAResultWhoseGraphWasFreed) {
  Tensor a = leaf({1, 2});
  Tape tape;
  const Tensor y = square(a);
  tape.backward(sum(y));
  expect_values(tape.gradient(sum(y * 3.0), {y})[0], {3, 3}, 0);
}

TEST(Tape, RefusesALossOfAnotherTape) {
  Tensor a = leaf({1});
  Tensor gone, here;
  {
    Tape tape;
    gone = square(a);
  }
  Tape outer;
  here = square(a);
  expect_error("backward", [&] { outer.backward(gone); },
               {"loss", "tape that is gone", "call that tape's backward while it lives"});
  Tape inner;
  expect_error("backward", [&] { inner.backward(here); }, {"loss", "another tape"});
  expect_error("gradient", [&] { inner.gradient(here, {a}); }, {"another tape"});
  outer.backward(here);
  expect_values(a.grad(), {2}, 0);
}

TEST(Tape, RefusesToReachIntoAnotherTape) {
  Tensor a = leaf({3}), b = leaf({5});
  Tape outer;
  const Tensor foreign = square(a);
  Tape inner;
  const Tensor loss = foreign * b;
  expect_error("backward", [&] { inner.backward(loss, {.keep_graph = true}); },
               {"mul", "another tape", "detach()"});
  EXPECT_FALSE(b.grad()) << "a failing call changes no gradient";
  expect_error("gradient", [&] { inner.gradient(loss, {b}); }, {"detach()"});
  expect_error("gradient", [&] { inner.gradient(b * 1.0, {foreign}); }, {"inputs[0]", "this tape"});
  inner.backward(foreign.detach() * b);
  expect_values(b.grad(), {9}, 0);
  EXPECT_FALSE(a.grad());
}

TEST(Tape, RefusesALossThatDependsOnNothing) {
  Tensor a = leaf({1});
  const Tensor unrecorded = square(a);
  Tape tape;
  expect_error("backward", [&] { tape.backward(sum(row({1, 2}))); }, {"depends on nothing", "()"});
  expect_error("backward", [&] { tape.backward(unrecorded); }, {"no tape"});
  expect_error("gradient", [&] { tape.gradient(square(a), {row({1})}); }, {"inputs[0]", "requires_grad"});
  expect_error("backward", [&] { tape.backward(Tensor()); }, {"loss is an empty handle"});
  expect_error("gradient", [&] { tape.gradient(Tensor(), {a}); }, {"loss is an empty handle"});
  expect_error("gradient",
               [&] {
                 tape.gradient(square(a), {a, Tensor()});
               },
               {"inputs[1] is an empty handle"});
}

TEST(Tape, OnlyALeafMayAskForAGradient) {
  Tensor a = leaf({1});
  Tape tape;
  Tensor y = square(a);
  expect_error("requires_grad", [&] { y.requires_grad(); }, {"leaf", "detach()"});
  EXPECT_TRUE(y.detach().requires_grad().wants_grad());
  EXPECT_TRUE(y.clone().requires_grad().wants_grad());
  EXPECT_FALSE(a.requires_grad(false).wants_grad());
}

TEST(Tape, ALeafThatNoLongerAsksIsLeftOut) {
  Tensor a = leaf({1, 2}), b = leaf({3, 4});
  Tape tape;
  const Tensor loss = sum(a * b);
  a.requires_grad(false);
  tape.backward(loss);
  EXPECT_FALSE(a.grad());
  expect_values(b.grad(), {1, 2}, 0);
}

TEST(Tape, RecordsOnlyWhileItLives) {
  Tensor a = leaf({1});
  EXPECT_EQ(Tape::recording(), nullptr);
  EXPECT_FALSE(Tape::tracks(square(a)));
  {
    Tape tape;
    EXPECT_EQ(Tape::recording(), &tape);
    square(a);
    EXPECT_EQ(tape.node_count(), 2u) << "the leaf and the square";
    square(a);
    EXPECT_EQ(tape.node_count(), 3u) << "a leaf is a node once";
    square(a.detach());
    EXPECT_EQ(tape.node_count(), 3u);
    const Tape::Recording off(nullptr);
    EXPECT_FALSE(Tape::tracks(square(a)));
  }
  EXPECT_EQ(Tape::recording(), nullptr);
}

TEST(Tape, AnOuterTapeRestsWhileAnInnerOneLives) {
  Tensor a = leaf({3});
  Tape outer;
  const Tensor before = square(a);
  {
    Tape inner;
    inner.backward(square(a) * a);
    EXPECT_EQ(outer.node_count(), 2u);
  }
  expect_values(a.grad(), {27}, 0);
  EXPECT_EQ(Tape::recording(), &outer);
  outer.backward(before * a);
  expect_values(a.grad(), {54}, 0);
}

TEST(Tape, MayEndOutOfOrder) {
  Tensor a = leaf({3});
  auto first = std::make_unique<Tape>();
  auto second = std::make_unique<Tape>();
  auto third = std::make_unique<Tape>();
  second.reset();
  EXPECT_EQ(Tape::recording(), third.get());
  first.reset();
  third->backward(square(a));
  expect_values(a.grad(), {6}, 0);
  third.reset();
  EXPECT_EQ(Tape::recording(), nullptr);
  EXPECT_FALSE(Tape::tracks(square(a)));
}

TEST(Tape, ResultsOutliveIt) {
  Tensor a = leaf({3});
  Tensor y;
  {
    Tape tape;
    y = square(a);
  }
  expect_values(y, {9}, 0);
}

TEST(Tape, ALeafOutlivesItsHandle) {
  Tape tape;
  Tensor y;
  {
    const Tensor a = leaf({3});
    y = square(a);
  }
  EXPECT_NO_THROW(tape.backward(y));
}

TEST(Tape, DifferentiatesItsOwnGradients) {
  // x^4: 4x^3, 12x^2, 24x, 24, at 2 and -1.
  Tensor x = leaf({2, -1});
  Tape tape;
  Tensor y = square(square(x));
  const std::vector<std::vector<double>> derivatives{{32, -4}, {48, 12}, {48, -24}, {24, 24}};
  for (const auto& expected : derivatives) {
    y = tape.gradient(sum(y), {x}, {.create_graph = true})[0];
    expect_values(y, expected);
  }
}

TEST(Tape, BackwardOfAGradient) {
  // The gradient penalty |d(sum x^3)/dx|^2 = sum 9 x^4, whose derivative is 36 x^3.
  Tensor x = leaf({2, -1});
  Tape tape;
  const Tensor dx = tape.gradient(sum(pow(x, 3)), {x}, {.create_graph = true})[0];
  tape.backward(sum(square(dx)));
  expect_values(x.grad(), {36 * 8, -36});
}

TEST(Tape, BackwardWithCreateGraphAccumulatesADifferentiableGrad) {
  Tensor x = leaf({2});
  Tape tape;
  tape.backward(pow(x, 3), {.create_graph = true});
  tape.backward(square(x), {.create_graph = true});
  expect_values(x.grad(), {12 + 4});
  expect_values(tape.gradient(x.grad(), {x})[0], {12 + 2});
}

TEST(Tape, ACotangentMayBeDifferentiated) {
  Tensor x = leaf({2, 3}), v = leaf({5, 7});
  Tape tape;
  const Tensor dx = tape.gradient(square(x), {x}, {.create_graph = true, .cotangent = v})[0];
  expect_values(tape.gradient(sum(dx), {v})[0], {4, 6});
}

TEST(Tape, AMillionNodesGoBackwardAndAreFreed) {
  Tensor x = leaf({1});
  {
    Tape tape;
    Tensor y = x;
    for (int i = 0; i < 1000000; ++i) y = y + 1.0;
    EXPECT_EQ(y.item(), 1000001);
    tape.backward(y, {.keep_graph = true});
    tape.backward(y);
  }
  expect_values(x.grad(), {2}, 0);
  {
    Tape never_backward;
    Tensor y = x;
    for (int i = 0; i < 1000000; ++i) y = -y;
  }
}

TEST(Tape, AnExceptionInAVjpLeavesTheTapeUsable) {
  Tensor x = leaf({1, 2});
  Tape tape;
  const auto throws = [](const Tensor& t) {
    return record("throws", t.clone(),
                  vjp(t, [](const Tensor&) -> Tensor { throw Error("[throws] on purpose"); }));
  };
  expect_error("throws", [&] { tape.backward(sum(throws(x))); });
  EXPECT_EQ(Tape::recording(), &tape);
  tape.backward(sum(square(x)));
  expect_values(x.grad(), {2, 4}, 0);
}

}  // namespace
}  // namespace taper::test
