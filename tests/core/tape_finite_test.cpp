// TapeOptions::check_finite: the first value that is not finite, forward and backward.
#include "support/helpers.hpp"
#include "support/kinds.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct CheckFinite : Kinds {};
INSTANTIATE_TEST_SUITE_P(Kinds, CheckFinite, all_kinds, [](const auto& info) {
  return printed(info.param.dtype) + (info.param.device.is_cpu() ? "" : "_cuda");
});

TEST_P(CheckFinite, TheFirstResultThatIsNotFinite) {
  const Tensor x = leaf(row({4, -1, 0, -2}));
  Tape tape({.check_finite = true});
  const Tensor y = x * 2.0;
  expect_error("sqrt", [&] { exp(sqrt(y)); },
               {"node 2", "2 of 4 elements of " + printed(kind), "the first at (1,) is nan",
                "argument 0 of shape (4,) lies in [-4, 8]"});
  expect_error("log", [&] { log(y); }, {"the first at (1,) is nan"});
  expect_error("div",
               [&] {
                 on(row({1, 1, 1, 1})) / y;
               },
               {"1 of 4", "at (2,) is inf", "argument 0 of shape (4,) lies in [1, 1]", "argument 1"});
}

TEST_P(CheckFinite, InputsThatWereNotFiniteBefore) {
  const Tensor x = leaf(row({1, std::nan(""), infinity}));
  Tape tape({.check_finite = true});
  expect_error(
      "mul", [&] { x * 2.0; },
      {"2 of 3 elements",
       "argument 0 of shape (3,) has 2 of 3 elements that are not finite, the others lie in [1, 1]"});
}

TEST_P(CheckFinite, ConstantsAreCheckedToo) {
  Tape tape({.check_finite = true});
  expect_error("exp", [&] { exp(on(row({1000, 1}))); }, {"which is not recorded", "1 of 2", "inf"});
  EXPECT_EQ(tape.node_count(), 0u);
}

TEST_P(CheckFinite, ProductsInTheWalk) {
  Tensor x = leaf(row({4, 0}));
  Tape tape({.check_finite = true});
  const Tensor y = [&] {
    const Scope encoder("encoder");
    const Scope layer("layer", 3);
    return sqrt(x);
  }();
  const Tensor loss = sum(y);
  const std::vector<std::string> says{"vector-Jacobian product of sqrt (node 1, in encoder.layer.3)",
                                      "argument 0", "1 of 2 elements", "the first at (1,) is inf",
                                      "dy of shape (2,) lies in [1, 1]"};
  expect_error(
      "gradient", [&] { tape.gradient(loss, {x}, {.keep_graph = true}); }, says);
  expect_error(
      "gradient", [&] { tape.gradient(loss, {x}, {.create_graph = true}); }, says);
  expect_error(
      "backward", [&] { tape.backward(loss); }, says);
  EXPECT_FALSE(x.grad());
}

// Each product is finite, and their sum is not.
TEST_P(CheckFinite, SumsInTheWalk) {
  const double large = kind.dtype == float32 ? 3e38 : 1.7e308;
  Tensor x = leaf(row({1, 2}));
  Tape tape({.check_finite = true});
  const Tensor y = concat({x, x}, 0);
  expect_error(
      "gradient",
      [&] {
        tape.gradient(y, {x}, {.cotangent = on(row({large, 1, large, 1}))});
      },
      {"the sum of the cotangents of a leaf (node 0)", "1 of 2 elements", "the first at (0,) is inf"});
}

TEST_P(CheckFinite, NothingIsSaidOfWhatIsFinite) {
  Tensor x = leaf(row({4, 1e-30, -1e30}));
  Tape tape({.check_finite = true});
  const Tensor loss = sum(tanh(x) + concat({x, x}, 0).detach().to(kind.dtype).view({2, 3}));
  tape.backward(loss, {.keep_graph = true});
  EXPECT_EQ(x.grad().size(), 3);
  tape.gradient(sum(tape.gradient(loss, {x}, {.create_graph = true})[0] * x), {x});
  const Tensor none = sum(zeros({0, 3}, kind) * leaf(row({1, 2, 3})));
  tape.backward(none);
}

TEST_P(CheckFinite, WithoutTheOptionNothingIsChecked) {
  Tensor x = leaf(row({-1}));
  Tape tape;
  tape.backward(sum(sqrt(x)));
  EXPECT_TRUE(std::isnan(x.grad().to(Device::cpu()).item()));
}

TEST(CheckFiniteInModels, ModulesNameTheLayer) {
  Generator generator(1);
  nn::Sequential model(nn::Linear(2, 2, generator), nn::Linear(2, 1, generator));
  model.at<nn::Linear>(1).weight.mutable_data<float>()[0] = std::nanf("");
  Tape tape({.check_finite = true});
  expect_error("affine",
               [&] {
                 model(ones({3, 2}));
               },
               {"(in Sequential.1", "argument 1 of shape (2, 1) has 1 of 2"});
}

TEST(CheckFiniteInModels, LongListsOfInputs) {
  Tensor x = row({1, infinity}).requires_grad();
  Tape tape({.check_finite = true});
  expect_error("concat", [&] { concat({x, x}); }, {"2 of 4 elements", "the first at (1,) is inf"});
}

}  // namespace
}  // namespace taper::test
