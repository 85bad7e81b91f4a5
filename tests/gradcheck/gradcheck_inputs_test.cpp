// gradcheck with float32, with large inputs, and what it does to the caller's tensors.
#include "gradcheck/gradcheck_helpers.hpp"
#include <taper/taper.hpp>

#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

// --- float32 ---

Function squared_in_float32(double slope) {
  return [=](const Tensor& x) {
    const Tensor narrow = cast(x, float32);
    const auto product = [=](const Tensor& dy) { return dy * (slope * narrow); };
    return cast(record("planted", square(narrow.detach()), vjp(narrow, product)), float64);
  };
}

TEST(Gradcheck, Float32InsideIsComparedWithinItsStairs) {
  Generator generator(2);
  for (int draw = 0; draw < 20; ++draw) {
    const Tensor x = randn({6}, generator, float64);
    expect_verdict(gradcheck(squared_in_float32(2), x), Verdict::passed);
    expect_verdict(gradcheck(squared_in_float32(7), x), Verdict::failed, {"factor 3.5"});
  }
  const auto narrows = [](const Tensor& x) { return cast(square(x), float32); };
  expect_verdict(gradcheck(narrows, row({1, 2, 3})), Verdict::passed);
}

TEST(Gradcheck, Float32FunctionsAreHeldToTheirOwnFloat64) {
  Generator generator(4);
  for (const Function& f :
       {Function(gelu), Function(tanh), Function([](const Tensor& x) { return softmax(x); })}) {
    const GradcheckReport report = gradcheck(f, randn({4, 6}, generator));
    expect_verdict(report, Verdict::passed, {"float32 is off by"});
    EXPECT_GT(report.float32_error, 0);
    EXPECT_LT(report.float32_error, 8);
  }
  const auto wrong = with_product(tanh, [](const Tensor& dy, const Tensor& x) {
    return dy * (1.0 - square(tanh(x))) * (x.dtype() == float32 ? 1.00001 : 1.0);
  });
  expect_verdict(gradcheck(wrong, randn({6}, generator, float64)), Verdict::passed);
  expect_verdict(gradcheck(wrong, randn({6}, generator)), Verdict::failed, {"float32 gradient is wrong"});
  const Tensor captured = randn({3}, generator);
  expect_verdict(gradcheck([&](const Tensor&) { return square(captured); }, captured), Verdict::undecided,
                 {"does not read what it is given"});
}

// --- Large inputs ---

TEST(Gradcheck, AMillionElementsTakeFewEvaluations) {
  Generator generator(5);
  const Tensor x = randn({1000, 1000}, generator, float64);
  const GradcheckReport report = gradcheck(tanh, x);
  expect_verdict(report, Verdict::passed, {"3 random directions"});
  EXPECT_LT(report.evaluations, 20);
  EXPECT_LT(gradcheck(relu, x).evaluations, 20);
}

TEST(Gradcheck, OneWrongElementAmongManyIsFoundByBisection) {
  Generator generator(6);
  const Tensor x = randn({60, 50}, generator, float64);
  for (const double factor : {1.01, 0.0, -1.0}) {
    const auto product = [=](const Tensor& dy, const Tensor& at) {
      Tensor dx = (dy * (1.0 - square(tanh(at)))).clone();
      dx.mutable_data<double>()[37 * 50 + 21] *= factor;
      return dx;
    };
    const GradcheckReport report = gradcheck(with_product(tanh, product), x);
    expect_verdict(report, Verdict::failed, {"argument 0 (37, 21)"});
    EXPECT_TRUE(report.elements.front().index == (Shape{37, 21})) << report;
  }
  const auto all = [](const Tensor& dy, const Tensor& at) { return dy * (1.0 - square(tanh(at))) * 1.01; };
  expect_verdict(gradcheck(with_product(tanh, all), x), Verdict::failed,
                 {"all elements off by the factor 1.01"});
}

TEST(Gradcheck, LongChecksTellHowFarTheyAre) {
  std::vector<double> told;
  Generator generator(8);
  const auto slow = [](const Tensor& x) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return tanh(x);
  };
  gradcheck(slow, randn({250}, generator, float64), {.progress = [&](double done) { told.push_back(done); }});
  ASSERT_FALSE(told.empty());
  for (const double done : told) EXPECT_TRUE(done >= 0 && done <= 1) << done;
}

// --- The caller's tensors ---

TEST(Gradcheck, LeavesTheCallersTensorsAlone) {
  Tensor x = row({1, 2}).requires_grad();
  const Tensor plain = row({3, 4}), before = x.clone();
  Tape tape;
  expect_verdict(gradcheck(square, x), Verdict::passed);
  expect_verdict(gradcheck(square, plain), Verdict::passed);
  expect_same(x, before);
  EXPECT_FALSE(plain.wants_grad());
  EXPECT_TRUE(x.wants_grad());
  EXPECT_FALSE(x.grad());
  EXPECT_EQ(tape.node_count(), 0u);
  EXPECT_EQ(Tape::recording(), &tape);
  const Tensor recorded = square(x);
  expect_verdict(gradcheck(square, recorded), Verdict::passed);
  tape.backward(sum(recorded));
  expect_values(x.grad(), {2, 4});
}

TEST(Gradcheck, BringsEveryBitBackWhenFThrows) {
  const Tensor x = row({1, 0.1, -0.0});
  const Tensor before = x.clone();
  int calls = 0;
  const auto throws = [&](const Tensor& at) {
    if (++calls == 9) throw Error("[f] no more");
    return square(at);
  };
  expect_error("f", [&] { gradcheck(throws, x); }, {"no more"});
  expect_same(x, before);
  EXPECT_FALSE(x.wants_grad());
}

TEST(Gradcheck, InputsThatShareElements) {
  const Tensor x = row({1, 2, 3, 4});
  const auto f = [](const Tensors& in) { return sum(in[0] * reshape(in[1], {4})); };
  expect_verdict(gradcheck(f, {x, x.view({2, 2})}), Verdict::passed);
  expect_verdict(gradcheck(f, {x, x}), Verdict::passed);
  Generator generator(1);
  const Tensor many = randn({3000}, generator, float64);  // compared along directions
  const auto product = [](const Tensors& in) { return sum(in[0] * in[1]); };
  expect_verdict(gradcheck(product, {many, many}), Verdict::passed);
}

TEST(Gradcheck, ABackwardThatChangesItsInputs) {
  const auto spoils = [](const Tensor& dy, const Tensor& x) {
    const_cast<double*>(x.data<double>())[0] += 1;
    return dy;
  };
  expect_verdict(gradcheck(with_product([](const Tensor& x) { return x * 1.0; }, spoils), row({1, 2})),
                 Verdict::failed, {"backward changes its inputs"});
}

TEST(Gradcheck, RefusesEmptyHandles) {
  expect_error("gradcheck", [] { gradcheck(square, Tensor()); }, {"inputs[0]", "empty handle"});
  expect_error("gradcheck", [] { gradcheck([](const Tensor&) { return Tensor(); }, row({1})); },
               {"result 0", "empty handle"});
  expect_error("gradcheck", [] { gradcheck(square, row({1}), {.names = {"a", "b"}}); }, {"names", "2", "1"});
}

TEST(Gradcheck, EveryRank) {
  for (const Shape& shape : {Shape{}, Shape{1, 2, 1, 2, 1, 2, 1}}) {
    const GradcheckReport report = gradcheck(square, ones(shape, float64));
    expect_verdict(report, Verdict::passed);
    EXPECT_EQ(static_cast<std::int64_t>(report.elements.size()), element_count("test", shape));
  }
}

}  // namespace
}  // namespace taper::test
