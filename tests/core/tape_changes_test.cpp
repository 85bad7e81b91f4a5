// What was recorded must be what backward reads: the tape refuses a tensor that was changed in between, and
// accepts changes of what it does not read.
#include "support/helpers.hpp"
#include "support/kinds.hpp"
#include <taper/core/memory/transfer.hpp>
#include <taper/taper.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

struct Changes : Kinds {
  // x <- value in each element, through this handle.
  void set(Tensor x, double value) const { internal::copy_elements(full(x.shape(), value, x.kind()), x); }
  void set_on_cpu(Tensor x, double value) const {
    dispatch(x.dtype(),
             [&]<class T>() { std::fill_n(x.mutable_data<T>(), x.size(), static_cast<T>(value)); });
  }
  // By mutable_data if the tensor has one, that is, on the CPU.
  void change(const Tensor& x) const { x.device().is_cpu() ? set_on_cpu(x, 7) : set(x, 7); }

  // Both ways of asking must refuse, and leave no trace.
  void expect_refused(Tape& tape, const Tensor& loss, Tensor x, const std::string& says) const {
    const GradientOptions keep{.keep_graph = true};
    const std::string end =
        " that was changed after it was recorded: clone() it first, or change it after the "
        "last backward";
    expect_error("backward", [&] { tape.backward(loss, keep); }, {says + end});
    EXPECT_FALSE(x.grad());
    expect_error("gradient", [&] { tape.gradient(loss, {x}, keep); }, {says + end});
    expect_error("gradient", [&] { tape.gradient(loss, {x}, {.create_graph = true}); }, {says + end});
    EXPECT_NO_THROW(x.detach().to(Device::cpu()).to_vector()) << "outside of the walk it may be read";
  }
  const GradientOptions keep{.keep_graph = true};
};
INSTANTIATE_TEST_SUITE_P(All, Changes, all_kinds);

TEST_P(Changes, ALeafThatIsReadIsRefused) {
  Tensor x = leaf(row({1, 2})), y = leaf(row({3, 4}));
  Tape tape;
  const Tensor loss = sum(x * y);
  change(y);
  expect_refused(tape, loss, x, "the vector-Jacobian product of mul (node 2) reads a leaf of shape (2,)");
  // The product for y reads x, which is as it was.
  expect_close(tape.gradient(loss, {y})[0].to(Device::cpu()), x.detach().to(Device::cpu()));
}

TEST_P(Changes, AResultThatIsReadIsRefused) {
  Tensor x = leaf(row({1, 2}));
  Tape tape;
  const Tensor y = exp(x), loss = sum(y * 2.0);
  change(y);
  expect_refused(
      tape, loss, x,
      "the vector-Jacobian product of exp (node 1) reads the result of exp (node 1) of shape (2,)");
}

TEST_P(Changes, AChangeThroughAViewIsSeen) {
  for (const bool through_view : {false, true}) {
    Tensor x = leaf(row({1, 2, 3, 4}));
    Tape tape;
    const Tensor y = exp(x), part = through_view ? y.view({2, 2}) : y.detach();
    const Tensor loss = sum(y);
    change(part);
    expect_refused(tape, loss, x, "reads the result of exp (node 1) of shape (4,)");
  }
}

TEST_P(Changes, AViewThatIsReadSeesTheChangeOfItsOwner) {
  Tensor x = leaf(row({1, 2, 3, 4})), w = leaf(row({1, 2, 3, 4}));
  Tape tape;
  const Tensor rows = reshape(w, {2, 2}), cut = w.detach().view({2, 2});
  const Tensor a = sum(reshape(x, {2, 2}) * rows), b = sum(reshape(x, {2, 2}) * cut);
  change(w);
  expect_refused(tape, a, x, "reads the result of reshape (node 1) of shape (2, 2)");
  expect_refused(tape, b, x, "reads a view of a leaf of shape (2, 2)");
}

TEST_P(Changes, ATensorThatOnlyAClosureKeepsIsRefused) {
  Tensor x = leaf(row({1, 2})), factor = on(row({3, 4}));
  Tape tape;
  const Tensor y =
      record("scaled", x.detach() * factor, vjp(x, [factor](const Tensor& dy) { return dy * factor; }));
  const Tensor loss = sum(y);
  change(factor);
  factor = Tensor();
  expect_refused(tape, loss, x,
                 "the vector-Jacobian product of scaled (node 1) reads a tensor of shape (2,)");
}

// Handing out a tensor that was kept is reading it.
TEST_P(Changes, AKeptTensorThatComesBackIsRefused) {
  Tensor x = leaf(row({1, 2})), weights = on(row({3, 4}));
  Tape tape;
  const Tensor loss =
      record("weighted_sum", sum(x.detach() * weights), vjp(x, [weights](const Tensor&) { return weights; }));
  EXPECT_NO_THROW(tape.gradient(loss, {x}, keep));
  change(weights);
  expect_refused(tape, loss, x, "weighted_sum (node 1) reads a tensor of shape (2,)");
}

TEST_P(Changes, OfWhatIsNotReadAreNoConcern) {
  Tensor x = leaf(row({1, 2})), y = leaf(row({3, 4})), scale = on(row({5, 6}));
  Tape tape;
  const Tensor total = x + y, difference = total - y, scaled = difference * scale, loss = sum(scaled);
  for (const Tensor& unread : {x, y, total, difference, scaled, loss}) change(unread);
  tape.backward(loss);
  expect_close(x.grad().to(Device::cpu()), scale.to(Device::cpu()));
  expect_close(y.grad().to(Device::cpu()), zeros({2}, kind.dtype));
}

TEST_P(Changes, BeforeRecordingAreNoConcern) {
  Tensor x = leaf(row({1, 2})), y = leaf(row({3, 4}));
  const Tensor another_handle = y;
  Tape tape;
  const Tensor before = sum(square(x));  // recorded before the change
  change(y);
  const Tensor loss = before + sum(x * y);
  EXPECT_NO_THROW(tape.backward(loss, keep));
  change(on(row({1, 2})));
  EXPECT_NO_THROW(tape.backward(loss));
}

// What a vector-Jacobian product hands back becomes the cotangent of nodes that were recorded long before it.
TEST_P(Changes, ACotangentMayBeYoungerThanTheNodesBehindIt) {
  Tensor x = leaf(row({1, 2})), v = on(row({1, 1}));
  const Tensor another_handle = v;
  Tape tape;
  const Tensor y = exp(x), reshaped = reshape(y, {1, 2}) + zeros({1, 2}, kind);
  change(v);
  const Tensor loss = record("weighted_sum", sum(y.detach() * v), vjp(y, [v](const Tensor&) { return v; }));
  EXPECT_NO_THROW(tape.backward(loss, keep));
  // So may the cotangent of the caller, even if the walk passes it on as it is, or as a view of it.
  change(v);
  EXPECT_NO_THROW(tape.backward(y, {.keep_graph = true, .cotangent = v}));
  EXPECT_NO_THROW(tape.gradient(reshaped, {x}, {.create_graph = true, .cotangent = v.view({1, 2})}));
  EXPECT_NO_THROW(tape.backward(y + y, {.cotangent = v}));
}

TEST_P(Changes, ByAVectorJacobianProductItselfAreNoConcern) {
  Tensor x = leaf(row({1, 2}));
  Tape tape;
  const Tensor y = record("fills", x.detach() * 1.0, vjp(x, [this](const Tensor& dy) {
                            const Tensor made = zeros(dy.shape(), dy.kind()), another_handle = made;
                            change(made);
                            return dy * made + another_handle;
                          }));
  const Tensor loss = sum(exp(y));
  tape.backward(loss, keep);
  tape.backward(loss, {.create_graph = true});
  change(x);
  EXPECT_NO_THROW(tape.backward(loss));
}

TEST_P(Changes, InPlaceAccumulationIsNoChange) {
  Tensor x = leaf(row({1, 2}));
  Tape tape;
  const Tensor y = x * x, loss = sum(y * x + y);
  for (int i = 0; i < 3; ++i) {
    tape.backward(loss, keep);
    optim::clip_gradients({x}, 1e-3);  // writes the gradient in place
  }
  const Tensor dx = tape.gradient(loss, {x}, {.create_graph = true})[0];
  EXPECT_NO_THROW(tape.gradient(sum(dx), {x}));
}

TEST_P(Changes, GradientsOfGradientsAreHeldAgainstTheirOwnRecording) {
  Tensor x = leaf(row({1, 2}));
  Tape tape;
  const Tensor y = square(x), unrelated = on(row({1, 2})), another_handle = unrelated;
  change(unrelated);
  Tensor dx = tape.gradient(sum(y * y), {x}, {.create_graph = true})[0];  // 4 x^3
  change(unrelated);
  expect_close(tape.gradient(sum(dx), {x}, {.create_graph = true})[0].to(Device::cpu()),
               cast(row({12, 48}), kind.dtype));
  change(x);
  expect_error("gradient", [&] { tape.gradient(sum(dx), {x}); }, {"reads a leaf of shape (2,)"});
}

// A product that asks a tape itself, for an older node and for one of its own.
TEST_P(Changes, WalksNest) {
  Tensor x = leaf(row({1, 2})), w = leaf(row({3, 4})), other = leaf(row({5, 6}));
  Tape tape;
  const Tensor older = sum(exp(x));
  const Tensor y = record("asks", x.detach() * 1.0, vjp(x, [&, w, other](const Tensor& dy) {
                            const Tensor old = tape.gradient(older, {x}, {.keep_graph = true})[0];
                            Tape inner;
                            Tensor z = w.detach().requires_grad();
                            inner.backward(sum(square(z)));
                            return old + z.grad() + dy * other;
                          }));
  const Tensor loss = sum(y);
  EXPECT_NO_THROW(tape.backward(loss, keep));
  x.zero_grad();
  change(other);
  expect_refused(tape, loss, x, "asks (node 3) reads a leaf of shape (2,)");
}

TEST_P(Changes, AnErrorInAWalkLeavesReadingFree) {
  Tensor x = leaf(row({1, 2})), y = leaf(row({3, 4}));
  Tape tape;
  const Tensor loss = sum(x * y);
  change(y);
  expect_error("backward", [&] { tape.backward(loss); }, {"changed after"});
  EXPECT_EQ(y.to_vector()[0], 7);
  EXPECT_NO_THROW(x * y);
}

// --- What changes parameters ---

struct Updates : Changes {
  // One tape, two backwards, and `update` in between: refused if the product reads the parameter.
  void check(const std::function<void(const nn::Linear&)>& update) {
    nn::Linear layer(2, 3);
    layer.weight = leaf(randn({2, 3}));
    layer.bias = leaf(randn({3}));
    const Tensor input = on(randn({4, 2}));
    Tensor x = leaf(randn({4, 2}));
    Tape tape;
    const Tensor reads_weight = sum(layer(x)), reads_none = sum(layer(input));
    tape.backward(reads_weight, keep);
    tape.backward(reads_none, keep);
    update(layer);
    x.zero_grad();
    expect_refused(tape, reads_weight, x, "reads a leaf of shape (2, 3)");
    EXPECT_NO_THROW(tape.backward(reads_none)) << "only the input is read for the weight";
  }
};
INSTANTIATE_TEST_SUITE_P(All, Updates, all_kinds);

TEST_P(Updates, OfAdam) {
  check([](const nn::Linear& layer) { optim::Adam(layer.parameters(), {}).step(); });
  check([](const nn::Linear& layer) { optim::AdamW(layer.parameters(), {}).step(); });
}
TEST_P(Updates, OfSgd) {
  check([](const nn::Linear& layer) { optim::Sgd(layer.parameters(), {}).step(); });
  check([](const nn::Linear& layer) {
    optim::Sgd(layer.parameters(), {.momentum = 0.9, .nesterov = true}).step();
  });
}
TEST_P(Updates, OfLoadStateDict) {
  check([](const nn::Linear& layer) { layer.load_state_dict(layer.state_dict()); });
}
TEST_P(Updates, OfCopyElements) {
  check([this](const nn::Linear& layer) {
    for (const Tensor& parameter : layer.parameters()) set(parameter, 1);
  });
}

TEST_P(Changes, OptimizersBetweenTapesAreNoConcern) {
  nn::Linear layer(2, 3);
  layer.to(kind.device);
  optim::Adam adam(layer.parameters(), {});
  const Tensor x = on(randn({4, 2}));
  for (int step = 0; step < 3; ++step) {
    adam.zero_grad();
    Tape tape;
    tape.backward(sum(square(layer(cast(x, float32)))));
    optim::clip_gradients(layer.parameters(), 0.1);
    adam.step();
  }
}

struct Moves : Changes {};
INSTANTIATE_TEST_SUITE_P(All, Moves,
                         testing::Values(Kind(float32, Device::cuda()), Kind(float64, Device::cuda())));

// Moving there and back keeps the elements, so it is no change; nor does it undo a change.
TEST_P(Moves, ThereAndBackIsNoChange) {
  Tensor x = leaf(row({1, 2})), y = leaf(row({3, 4}));
  Tape tape;
  const Tensor loss = sum(x * y);
  y.move_to(Device::cpu());
  expect_error("mul", [&] { tape.gradient(loss, {x}, keep); }, {"devices differ"});
  y.move_to(kind.device);
  EXPECT_NO_THROW(tape.gradient(loss, {x}, keep));
  change(y);
  y.move_to(Device::cpu());
  y.move_to(kind.device);
  expect_refused(tape, loss, x, "reads a leaf of shape (2,)");
}

TEST_P(Moves, ALeafThatMovedGetsNoGradientOfAnotherDevice) {
  Tensor x = leaf(row({1, 2}));
  Tape tape;
  const Tensor loss = sum(x);
  x.move_to(Device::cpu());
  const std::string moved = printed(kind.dtype);
  expect_error("backward", [&] { tape.backward(loss); },
               {"a leaf of shape (2,) was moved to " + moved + " after it was recorded, its gradient is " +
                moved + " on cuda"});
  EXPECT_FALSE(x.grad());
}

// gradcheck puts back what it perturbed, so that what f recorded may still be used.
TEST(ChangesOf, GradcheckAreUndone) {
  Tape tape;
  std::vector<Tensor> kept, inputs;
  const auto f = [&](const Tensor& x) {
    const Tape::Recording on(&tape);
    inputs.push_back(x);
    kept.push_back(sum(exp(x)));
    return kept.back().detach();
  };
  EXPECT_FALSE(gradcheck(f, row({1, 2}).requires_grad()).ok()) << "the result is detached";
  // The first was computed from the inputs as they are now again, so its gradient is right.
  expect_close(tape.gradient(kept.front(), {inputs.front()})[0], exp(row({1, 2})));
}

// Each thread has a walk of its own; many count changes at once.
TEST(ChangesOf, OtherThreadsAreNoConcern) {
  const auto work = [] {
    Tensor x = row({1, 2}).requires_grad(), mine = row({3, 4});
    const Tensor another_handle = mine;
    for (int i = 0; i < 300; ++i) {
      Tape tape;
      mine.mutable_data<double>()[0] = i;
      const Tensor loss = sum(x * mine);
      expect_values(tape.gradient(loss, {x}, {.keep_graph = true})[0], {static_cast<double>(i), 4}, 0);
      mine.mutable_data<double>()[1] = 4;
      expect_error("gradient", [&] { tape.gradient(loss, {x}); }, {"changed after"});
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
}

// sum's product reads no element of x, so that nothing else would notice.
TEST(ChangesOf, TheDtypeOfALeafAreNoticed) {
  for (const bool has_gradient : {false, true}) {
    Tensor x = ones({2}).requires_grad();
    if (has_gradient) {
      Tape tape;
      tape.backward(sum(x));
    }
    Tape tape;
    const Tensor loss = sum(x);
    x.move_to(float64);
    expect_error(
        "backward", [&] { tape.backward(loss); },
        {"a leaf of shape (2,) was moved to float64 after it was recorded, its gradient is float32"});
    if (has_gradient) expect_values(x.grad(), {1, 1});
  }
}

}  // namespace
}  // namespace taper::test
