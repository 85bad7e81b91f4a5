// Vector-Jacobian products with add_to: when the tape adds in place, and that nobody sees a difference.
#include "support/helpers.hpp"
#include <taper/core/record.hpp>
#include <taper/core/tape/trace.hpp>
#include <taper/taper.hpp>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

// How often the tape asked for a whole tensor, and how often for an addition in place.
struct Calls {
  int whole = 0, in_place = 0;
};

// y = x[i], a number.
struct PickVjp {
  Shape shape;
  std::int64_t i;
  Calls* calls;
  Tensor operator()(const Tensor& dy) const {
    ++calls->whole;
    return dy * eye(shape[0], dy.dtype())[i];
  }
  void add_to(Tensor& total, const Tensor& dy) const {
    ++calls->in_place;
    total.mutable_data<double>()[i] += dy.item();
  }
};
Tensor pick(const Tensor& x, std::int64_t i, Calls& calls) {
  return record("pick", tensor({x.at(i)}, Shape{}, float64), vjp(x, PickVjp{x.shape(), i, &calls}));
}

TEST(AddInPlace, TheFirstUseIsATensorAndTheOthersAreAdded) {
  Calls calls;
  const Tensor x = row({1, 2, 3}).requires_grad();
  Tape tape;
  tape.backward(pick(x, 0, calls) + 2.0 * pick(x, 2, calls) + 4.0 * pick(x, 2, calls));
  expect_values(x.grad(), {1, 0, 6}, 0);
  EXPECT_EQ(calls.whole, 1);
  EXPECT_EQ(calls.in_place, 2);
}

TEST(AddInPlace, IsNotDoneWhenGradientsAreRecorded) {
  Calls calls;
  const Tensor x = row({1, 2, 3}).requires_grad();
  Tape tape;
  const Tensor y = pick(x, 0, calls) * pick(x, 2, calls) + pick(x, 1, calls);
  const Tensor slope = tape.gradient(y, {x}, {.create_graph = true})[0];
  expect_values(slope, {3, 1, 1}, 0);
  EXPECT_EQ(calls.whole, 3);
  EXPECT_EQ(calls.in_place, 0);
  expect_values(tape.gradient(slope, {x}, {.cotangent = row({1, 0, 0})})[0], {0, 0, 1}, 0);
}

// add hands its cotangent on to both arguments: what is added for one of them must not show in the other.
TEST(AddInPlace, LeavesWhatOthersHoldAlone) {
  Calls calls;
  const Tensor x = row({1, 2, 3}).requires_grad(), z = row({0, 0, 0}).requires_grad(), v = row({5, 6, 7});
  Tape tape;
  const Tensor picked = pick(x, 1, calls);  // recorded before the sum, so that the walk comes to it later
  const Tensor y = x + z;
  const Tensor loss = sum(y * v) + picked;
  const std::vector<Tensor> gradients = tape.gradient(loss, {y, x, z});
  expect_values(gradients[0], {5, 6, 7}, 0);
  expect_values(gradients[1], {5, 7, 7}, 0);
  expect_values(gradients[2], {5, 6, 7}, 0);
  EXPECT_EQ(calls.in_place, 1);
  expect_values(v, {5, 6, 7}, 0);
}

TEST(AddInPlace, ATapeThatKeepsValuesShowsWhatWasAdded) {
  Calls calls;
  const Tensor x = row({1, 2, 3}).requires_grad();
  Tape tape({.keep_values = true});
  const Tensor first = pick(x, 0, calls), second = pick(x, 2, calls);
  tape.backward(first + 2.0 * second);
  EXPECT_EQ(calls.in_place, 1);
  std::vector<Trace::Contribution> contributions;
  for (const Trace::Visit& visit : tape.trace().walks[0].visits) {
    if (tape.trace().nodes[visit.node].op == "pick")
      contributions.insert(contributions.end(), visit.contributions.begin(), visit.contributions.end());
  }
  ASSERT_EQ(contributions.size(), 2u);
  expect_values(contributions[0].value, {0, 0, 2}, 0);
  expect_values(contributions[0].total, {0, 0, 2}, 0);
  expect_values(contributions[1].value, {1, 0, 0}, 0);
  expect_values(contributions[1].total, {1, 0, 2}, 0);
}

// Slices of every kind, used together: the same gradients as when the sums are recorded.
TEST(AddInPlace, SlicesGiveTheGradientsOfRecordedSums) {
  for (const DType dtype : {float32, float64}) {
    const Tensor x = randn({3, 8, 5}, dtype).requires_grad();
    Tape tape;
    Tensor y = sum(square(x[0]) * x[-1]) + sum(exp(slice(x, 1, 1, 8, 3))) + sum(slice(x, 2, 0, 5, 2));
    for (const Tensor& part : split(x, 4, 1)) y = y + sum(part * part * part);
    const Tensor recorded = tape.gradient(y, {x}, {.create_graph = true})[0];
    const Tensor added = tape.gradient(y, {x}, {.keep_graph = true})[0];
    expect_same(added, recorded.detach());
  }
}

// In tensors so large that threads share the work.
TEST(AddInPlace, PartsOfLargeTensors) {
  const Tensor x = randn({700, 300}).requires_grad(), factors = randn({700, 300});
  for (const int axis : {0, 1}) {
    const std::vector<Tensor> by = split(factors, 4, axis);
    Tape tape;
    const std::vector<Tensor> parts = split(x, 4, axis);
    Tensor y = sum(x);
    for (std::size_t i = 0; i < parts.size(); ++i) y = y + sum(parts[i] * by[i]);
    expect_same(tape.gradient(y, {x})[0], 1.0 + factors);
  }
}

}  // namespace
}  // namespace taper::test
