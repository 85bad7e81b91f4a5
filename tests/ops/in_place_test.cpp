// += and its kin: values, what they share, and that no tape misses a change.
#include "support/helpers.hpp"
#include "support/kinds.hpp"
#include <taper/taper.hpp>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

struct InPlace : Kinds {};
INSTANTIATE_TEST_SUITE_P(All, InPlace, all_kinds);

TEST_P(InPlace, ChangesTheElements) {
  Tensor x = on(row({1, 2, 4})).clone();
  const Tensor another_handle = x;
  x += on(row({1, 0, -1}));
  expect_values(x, {2, 2, 3}, 0);
  x -= on(row({1, 1, 1}));
  expect_values(x, {1, 1, 2}, 0);
  x *= on(row({3, 4, 5}));
  expect_values(x, {3, 4, 10}, 0);
  x /= on(row({2, 4, 5}));
  expect_values(x, {1.5, 1, 2}, 0);
  (x += 1) *= 2;
  expect_values(x, {5, 4, 6}, 0);
  (x -= 1.0) /= 2.0;
  expect_values(another_handle, {2, 1.5, 2.5}, 0);
  EXPECT_EQ(x.kind(), kind);
}

TEST_P(InPlace, BroadcastsTheOperand) {
  Tensor x = on(tensor({{1, 2}, {3, 4}}, float64)).clone();
  x += on(row({10, 20}));
  x *= on(tensor({{1}, {2}}, float64));
  expect_values(x, {11, 22, 26, 48}, 0);
  x -= on(tensor(1));
  expect_values(x, {10, 21, 25, 47}, 0);
  x += x;
  expect_values(x, {20, 42, 50, 94}, 0);
  Tensor nothing = on(zeros({0, 2})).clone();
  EXPECT_TRUE((nothing += on(row({1, 2}))).shape() == (Shape{0, 2}));
}

TEST_P(InPlace, LargeTensorsInParts) {
  Tensor x = arange(100000, kind);
  const Tensor before = x.clone();
  x += before;
  x += 1.0;
  expect_close(x, (2.0 * before + 1.0).to(Device::cpu()), 0);
}

// A step of gradient descent as one writes it by hand.
TEST_P(InPlace, UpdatesALeafWhenNoTapeRecords) {
  Tensor w = leaf(row({1, 2}));
  for (int step = 0; step < 3; ++step) {
    w.zero_grad();
    {
      Tape tape;
      tape.backward(sum(square(w)));
    }
    w -= 0.25 * w.grad();
  }
  expect_values(w, {0.125, 0.25}, 0);
  EXPECT_TRUE(w.wants_grad());
}

TEST_P(InPlace, RefusesWhatTheTapeTracks) {
  Tensor w = leaf(row({1, 2})), constant = on(row({3, 4})).clone();
  Tape tape;
  Tensor y = w * w;
  expect_error("+=", [&] { w += constant; }, {"a of shape (2,)", "write a = a + b", "when no tape records"});
  expect_error("-=", [&] { y -= 1.0; }, {"a of shape (2,)", "a = a - b"});
  expect_error("*=", [&] { constant *= w; }, {"b of shape (2,)", "a = a * b"});
  expect_error("/=", [&] { constant /= y; }, {"b of shape (2,)", "a = a / b"});
  expect_values(w, {1, 2}, 0);
  expect_values(constant, {3, 4}, 0);
  constant += y.detach();  // what the tape does not track may change
  expect_values(constant, {4, 8}, 0);
  const Tape::Recording off(nullptr);
  w += 1.0;
  expect_values(w, {2, 3}, 0);
}

TEST_P(InPlace, AWalkRefusesToReadTheChange) {
  Tensor x = leaf(row({1, 2})), factor = on(row({3, 4})).clone();
  Tape tape;
  const Tensor loss = sum(x * factor);
  factor *= 2.0;
  expect_error("backward", [&] { tape.backward(loss); },
               {"mul (node 1) reads a tensor of shape (2,)", "changed"});
}

TEST(InPlaceErrors, NameWhatCame) {
  Tensor x = zeros({3}), empty;
  expect_error("+=", [&] { x += zeros({2, 3}); }, {"b of shape (2, 3)", "shape of a, (3,)"});
  expect_error("-=", [&] { x -= zeros({2}); }, {"b of shape (2,)", "(3,)"});
  expect_error("*=", [&] { x *= zeros({3}, float64); }, {"a is float32 (3,)", "b is float64 (3,)"});
  expect_error("/=", [&] { x /= Tensor(); }, {"b is an empty handle"});
  expect_error("+=", [&] { empty += x; }, {"a is an empty handle"});
  expect_error("-=", [&] { empty -= 1.0; }, {"a is an empty handle"});
}

}  // namespace
}  // namespace taper::test
