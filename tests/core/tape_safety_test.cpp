// What the tape refuses: vector-Jacobian products that are not like their input.
#include "support/helpers.hpp"
#include "support/kinds.hpp"
#include <taper/taper.hpp>

#include <string>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

// x + b with x (n, 4) and b (4,), whose vector-Jacobian product with respect to b is `db`.
template <class Db>
Tensor broken_add(const Tensor& x, const Tensor& b, Db db) {
  return record("broken_add", x.detach() + b.detach(), vjp(x, [](const Tensor& dy) { return dy; }),
                vjp(b, db));
}

const auto as_it_came = [](const Tensor& dy) { return dy; };  // forgets to sum over the rows

struct EdgeCheck : Kinds {};
INSTANTIATE_TEST_SUITE_P(All, EdgeCheck, all_kinds);

TEST_P(EdgeCheck, AMissingSumOverABroadcastAxisIsNamedWithTheRemedy) {
  for (const std::int64_t n : {3, 50}) {
    Tensor x = leaf(randn({n, 4})), b = leaf(randn({4}));
    Tape tape;
    const Tensor loss = sum(broken_add(x, b, as_it_came));
    const std::string message =
        "the vector-Jacobian product of broken_add (node 2) with respect to argument 1 must be " +
        printed(kind) + " (4,), got " + printed(kind) + " (" + std::to_string(n) +
        ", 4): summed over axis 0 it would have that shape";
    const GradientOptions keep{.keep_graph = true};
    expect_error("backward", [&] { tape.backward(loss, keep); }, {message});
    EXPECT_FALSE(x.grad());
    EXPECT_FALSE(b.grad());
    expect_error("gradient", [&] { tape.gradient(loss, {b}, keep); }, {message});
    expect_close(tape.gradient(loss, {x}, keep)[0].to(Device::cpu()), ones(x.shape(), kind.dtype));
  }
}

TEST_P(EdgeCheck, HoldsForIntermediateResultsAndTheirSums) {
  Tensor w = leaf(randn({4}));
  Tape tape;
  const Tensor b = w * w, x = leaf(randn({3, 4}));
  const Tensor y = broken_add(x, b, as_it_came), loss = sum(y) + sum(b);
  for (const Tensor& input : {b, w}) {
    expect_error("gradient", [&] { tape.gradient(loss, {input}, {.keep_graph = true}); },
                 {"broken_add (node 3) with respect to argument 1 must be", " (4,), got", " (3, 4)"});
  }
  expect_error("backward", [&] { tape.backward(loss); }, {"broken_add (node 3)"});
  EXPECT_FALSE(w.grad());
}

TEST_P(EdgeCheck, RefusesWhateverIsNotLikeTheInput) {
  const auto refuses = [&](const std::string& got, const Shape& shape, const auto& db) {
    Tensor x = leaf(randn({3, 4})), b = leaf(randn(shape));
    Tape tape;
    const Tensor loss = sum(broken_add(x, b, db));
    expect_error(
        "backward", [&] { tape.backward(loss, {.keep_graph = true}); },
        {"with respect to argument 1 must be " + printed(kind) + " " + printed(shape) + ", got " + got});
    expect_error("gradient", [&] { tape.gradient(loss, {b}); }, {", got " + got});
  };
  const auto gives = [this](const Shape& shape) {
    return [shape, kind = kind](const Tensor&) { return zeros(shape, kind); };
  };
  const Kind other_dtype(kind.dtype == float32 ? float64 : float32, kind.device);
  refuses("an empty handle", {4}, [](const Tensor&) { return Tensor(); });
  refuses(printed(other_dtype) + " (4,)", {4}, [=](const Tensor&) { return zeros({4}, other_dtype); });
  refuses(printed(kind) + " (3,)", {4}, gives({3}));
  refuses(printed(kind) + " (5,)", {4}, gives({5}));
  refuses(printed(kind) + " ()", {4}, gives({}));
  refuses(printed(kind) + " (4,): summed over axis 0", {}, gives({4}));
  refuses(printed(kind) + " (1, 4): summed over axis 0", {4}, gives({1, 4}));
  refuses(printed(kind) + " (2, 3, 4): summed over axes 0 and 2", {3, 1}, gives({2, 3, 4}));
  refuses(printed(kind) + " (2, 3, 3, 4): summed over axes 0, 1 and 3", {3, 1}, gives({2, 3, 3, 4}));
  if (!kind.device.is_cpu()) {
    const Kind on_cpu(kind.dtype);
    refuses(printed(on_cpu) + " (4,)", {4}, [on_cpu](const Tensor&) { return zeros({4}, on_cpu); });
  }
}

// w's gradient of w^4 on a tape of its own, recorded, and then f(tape, w).
void after_a_recorded_backward(Tensor& w, const std::function<void(Tape&)>& f) {
  Tape tape;
  tape.backward(sum(square(square(w))), {.create_graph = true});
  f(tape);
}

TEST(TwoTapes, InARowEachRecordsItsGradients) {
  Tensor w = row({1, 2}).requires_grad();
  const auto add_second_derivative = [&](Tape& tape) {
    const Tensor g = w.grad();
    w.zero_grad();
    tape.backward(sum(g));
  };
  for (int round = 0; round < 3; ++round) {
    after_a_recorded_backward(w, add_second_derivative);
    expect_values(w.grad(), {12, 48});
    w.zero_grad();
  }
}

// The first gradient has lost its history. Adding to it is right, and differentiating the sum is not.
TEST(TwoTapes, AGradientOfATapeThatIsGoneCanBeAddedTo) {
  Tensor w = row({1, 2}).requires_grad();
  for (int round = 1; round <= 3; ++round) {
    after_a_recorded_backward(w, [](Tape&) {});
    expect_values(w.grad(), {4.0 * round, 32.0 * round});
  }
  const std::vector<std::string> says{"reached a gradient that was recorded on a tape that is gone",
                                      "call zero_grad() before a backward with create_graph"};
  after_a_recorded_backward(w, [&](Tape& tape) {
    expect_error(
        "backward", [&] { tape.backward(sum(w.grad())); }, says);
    expect_error(
        "gradient", [&] { tape.gradient(sum(w.grad()), {w}); }, says);
  });
  expect_values(w.grad(), {16, 128});
  Tape plain;
  plain.backward(sum(w));
  expect_values(w.grad(), {17, 129});
}

TEST(TwoTapes, AnInnerTapeThatAddsToAGradientNamesTheOuter) {
  Tensor w = row({1, 2}).requires_grad();
  Tape outer;
  outer.backward(sum(square(w)), {.create_graph = true});
  after_a_recorded_backward(w, [&](Tape& inner) {
    expect_error("backward", [&] { inner.backward(sum(w.grad())); },
                 {"reached a gradient that was recorded on another tape", "zero_grad()"});
  });
}

TEST(TwoTapes, AResultOfATapeThatIsGoneSaysSo) {
  Tensor w = row({1, 2}).requires_grad(), y, g;
  {
    Tape tape;
    y = square(w);
    g = tape.gradient(sum(square(y)), {w}, {.create_graph = true})[0];
  }
  Tape tape;
  for (const Tensor& gone : {y, g}) {
    const Tensor product = gone * w, both = concat(Tensors{w, gone}, 0);
    for (const Tensor& loss : {product, both}) {
      expect_error("backward", [&] { tape.backward(sum(loss), {.keep_graph = true}); },
                   {"reached an input of ", "recorded on a tape that is gone", "detach()"});
    }
  }
  EXPECT_FALSE(w.grad());
}

TEST(EdgeCheckOf, AVariableNumberOfInputsAndManyAxes) {
  const Shape wide{1, 2, 1, 1, 2, 1, 1};  // more axes than a Shape keeps inline
  Tensor a = zeros(wide, float64).requires_grad(), b = zeros(wide, float64).requires_grad();
  const auto total = [](const Tensors& inputs, const Shape& shape) {
    internal::PoolVector<Vjp<std::function<Tensor(const Tensor&)>>> vjps;
    for (const Tensor& x : inputs) {
      vjps.push_back({&x, [shape](const Tensor&) { return zeros(shape, float64); }});
    }
    return record("total", zeros({}, float64), std::move(vjps));
  };
  Tape tape;
  EXPECT_NO_THROW(tape.backward(total({a, b}, wide)));
  expect_error(
      "backward",
      [&] {
        tape.backward(total({zeros({2}), b}, {1, 2, 1, 1, 2, 1, 2}));
      },
      {"total (node 3) with respect to argument 1", "(1, 2, 1, 1, 2, 1, 1), got", "summed over axis 6"});
}

TEST(EdgeCheckOf, Gradcheck) {
  const Tensor x = randn({3, 4}, float64), b = randn({4}, float64);
  expect_error("gradient",
               [&] {
                 gradcheck([](const Tensors& in) { return broken_add(in[0], in[1], as_it_came); }, {x, b});
               },
               {"broken_add", "argument 1", "(4,), got float64 (3, 4)"});
  const auto shrinks = [](const Tensor& t) {
    return record("shrinks", t.detach() * 2.0, vjp(t, [](const Tensor& dy) { return sum(dy); }));
  };
  expect_error("gradient", [&] { gradcheck(shrinks, b); }, {"shrinks", "(4,), got float64 ()"});
}

}  // namespace
}  // namespace taper::test
