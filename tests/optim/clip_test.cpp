// clip_gradients: against the formula, its edges and errors. (trajectory_test.cpp compares it
// with PyTorch's.)
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

Tensor with_gradient(const Tensor& gradient) {
  Tensor parameter = zeros(gradient.shape(), gradient.dtype()).requires_grad();
  parameter.impl().grad = gradient.clone();
  return parameter;
}

TEST(ClipGradients, ScalesWhatIsLongerThanMaxNorm) {
  const Tensor a = with_gradient(tensor({3, 0}, float64)), b = with_gradient(tensor({{-4}}, float32));
  const Tensor none = zeros({2}).requires_grad();
  EXPECT_EQ(optim::clip_gradients({a, none, b}, 2), 5);
  expect_values(a.grad(), {3 * 2 / (5 + 1e-6), 0}, 1e-15);
  expect_values(b.grad(), {-4 * 2 / (5 + 1e-6)}, 1e-7);
  EXPECT_FALSE(none.grad());

  EXPECT_NEAR(optim::clip_gradients({a, b}, 2.1), 2, 1e-6);
  expect_values(a.grad(), {3 * 2 / (5 + 1e-6), 0}, 1e-15);
  EXPECT_EQ(optim::clip_gradients({}, 1), 0);
  EXPECT_EQ(optim::clip_gradients({none}, 1), 0);
}

TEST(ClipGradients, AgreesWithAPlainSumForAnyNumberOfThreads) {
  const std::uint64_t seed = fresh_seed();
  SCOPED_TRACE("TAPER_SEED=" + std::to_string(seed));
  Generator generator(seed);
  const Tensors gradients{randn({5}, generator), randn({300, 211}, generator),
                          randn({20000}, generator, float64), randn({}, generator), randn({0, 3}, generator)};
  double squares = 0;
  for (const Tensor& gradient : gradients) {
    for (const double g : gradient.to_vector()) squares += g * g;
  }
  const int threads = thread_count();
  Tensors first;
  double first_norm = 0;
  for (const int count : {1, 2, 5}) {
    set_thread_count(count);
    Tensors parameters, clipped;
    for (const Tensor& gradient : gradients) parameters.push_back(with_gradient(gradient));
    const double norm = optim::clip_gradients(parameters, 0.5);
    for (const Tensor& parameter : parameters) clipped.push_back(parameter.grad());
    EXPECT_NEAR(norm, std::sqrt(squares), 1e-10 * std::sqrt(squares));
    EXPECT_NEAR(optim::clip_gradients(parameters, 1e9), 0.5, 1e-6);
    if (first.empty()) first = clipped, first_norm = norm;
    EXPECT_EQ(norm, first_norm);
    for (std::size_t i = 0; i < first.size(); ++i) expect_same(clipped[i], first[i]);
  }
  set_thread_count(threads);
}

TEST(ClipGradients, LeavesGradientsAloneWhereTheNormIsNotFinite) {
  const double infinity = std::numeric_limits<double>::infinity(), nan = std::nan("");
  for (const double bad : {infinity, -infinity, nan, 1e200}) {
    const Tensor a = with_gradient(tensor({bad, 2}, float64)), b = with_gradient(tensor({3}));
    const double norm = optim::clip_gradients({a, b}, 1);
    EXPECT_EQ(std::isnan(norm), std::isnan(bad));
    EXPECT_FALSE(std::isfinite(norm));
    expect_values(a.grad(), {bad, 2});
    expect_values(b.grad(), {3});
  }
  // Squares of float32 elements do not overflow.
  EXPECT_NEAR(optim::clip_gradients({with_gradient(tensor({3e30, 4e30}))}, 1), 5e30, 1e24);
}

TEST(ClipGradients, InfinityOnlyMeasures) {
  const Tensor a = with_gradient(tensor({6, 8}, float64));
  EXPECT_EQ(optim::clip_gradients({a}, std::numeric_limits<double>::infinity()), 10);
  expect_values(a.grad(), {6, 8});
}

TEST(ClipGradients, Errors) {
  const Tensor a = with_gradient(ones({2}));
  for (const double max_norm : {0.0, -1.0, std::nan("")}) {
    expect_error("clip_gradients", [&] { optim::clip_gradients({a}, max_norm); },
                 {"max_norm", printed(max_norm)});
  }
  expect_error("clip_gradients", [&] { optim::clip_gradients({a, a}, 1); }, {"twice"});
  expect_error("clip_gradients", [&] { optim::clip_gradients({Tensor()}, 1); },
               {"parameters[0] is an empty handle"});
}

}  // namespace
}  // namespace taper::test
