// Ops that somebody else writes with an installed Taper: lambdas that run over the elements of one tensor,
// and of two that broadcast.
#include <taper/core/gradcheck/gtest.hpp>
#include <taper/ops/kernels/elementwise/elementwise.hpp>
#include <taper/taper.hpp>

#include <cmath>

namespace {

using taper::float64;
using taper::Tensor;

// y = log cosh x, without overflow; dx = dy tanh x.
Tensor log_cosh(const Tensor& x) {
  const Tensor y = taper::kernels::map("log_cosh", x, [](auto v) {
    const auto size = std::abs(v), log_2 = decltype(v)(0.69314718055994530942);
    return size + std::log1p(std::exp(-2 * size)) - log_2;
  });
  return taper::record("log_cosh", y, taper::vjp(x, [x](const Tensor& dy) { return dy * tanh(x); }));
}

// r = sqrt(a^2 + b^2), without overflow; da = dr a / r, db = dr b / r.
Tensor hypotenuse(const Tensor& a, const Tensor& b) {
  const Tensor r = taper::kernels::map("hypotenuse", a, b, [](auto x, auto y) { return std::hypot(x, y); });
  return taper::record(
      "hypotenuse", r,
      taper::vjp(a, [a, r, to_a = taper::SumTo(a, r)](const Tensor& dr) { return to_a(dr * a / r); }),
      taper::vjp(b, [b, r, to_b = taper::SumTo(b, r)](const Tensor& dr) { return to_b(dr * b / r); }));
}

TEST(OwnOp, HasItsValues) {
  const std::vector<double> y = log_cosh(taper::tensor({-1000, -1, 0, 1000}, float64)).to_vector();
  const std::vector<double> expected{1000 - std::log(2), std::log(std::cosh(1)), 0, 1000 - std::log(2)};
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], expected[i], 1e-15);
  EXPECT_NEAR(log_cosh(taper::tensor({1})).item(), std::log(std::cosh(1)), 1e-6);

  const Tensor r = hypotenuse(taper::tensor({{3}, {5}}, float64), taper::tensor({4, 12}, float64));
  EXPECT_EQ(r.shape(), taper::Shape({2, 2}));
  EXPECT_EQ(r.to_vector()[0], 5);
  EXPECT_EQ(r.to_vector()[3], 13);
}

TEST(OwnOp, HasItsGradients) {
  const Tensor x = taper::randn({4, 6}, float64);
  EXPECT_GRADIENTS(log_cosh, x);
  EXPECT_SECOND_GRADIENTS(log_cosh, x);
  const Tensor a = taper::uniform({3, 1}, 1, 2, float64), b = taper::uniform({4}, -2, -1, float64);
  const auto of_both = [](const std::vector<Tensor>& inputs) { return hypotenuse(inputs[0], inputs[1]); };
  EXPECT_GRADIENTS(of_both, {a, b});
  EXPECT_SECOND_GRADIENTS(of_both, {a, b});
}

TEST(OwnOp, RefusesWhatMapRefuses) {
  EXPECT_THROW(log_cosh(Tensor()), taper::Error);
  EXPECT_THROW(hypotenuse(taper::ones({2}), taper::ones({3})), taper::Error);
}

// A lambda runs on the CPU only, and says so.
TEST(OwnOp, RefusesADevice) {
  if (!taper::cuda::available()) GTEST_SKIP() << "no CUDA device";
  try {
    log_cosh(taper::ones({2}, taper::Device::cuda()));
    FAIL() << "runs on the device";
  } catch (const taper::Error& error) {
    EXPECT_NE(std::string(error.what()).find("[log_cosh] its function runs on the CPU only"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
