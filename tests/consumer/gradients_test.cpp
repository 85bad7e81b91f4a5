// Gradient checks in somebody else's tests, with an installed Taper: of an op of their own, and of a function
// on xtensor arrays.
#include <taper/core/gradcheck/gtest.hpp>
#include <taper/core/gradcheck/xtensor.hpp>
#include <taper/taper.hpp>

#if __has_include(<xtensor/core/xmath.hpp>)  // from xtensor 0.26 on
#include <xtensor/core/xmath.hpp>
#else
#include <xtensor/xmath.hpp>
#endif

namespace {

taper::Tensor cube(const taper::Tensor& x) {
  return taper::record("cube", taper::pow(x.detach(), 3),
                       taper::vjp(x, [x](const taper::Tensor& dy) { return dy * 3.0 * taper::square(x); }));
}

TEST(Consumer, Gradients) {
  EXPECT_GRADIENTS(cube, taper::tensor({{1, -2}, {0.5, 3}}, taper::float64));
  EXPECT_SECOND_GRADIENTS(cube, taper::tensor({{1, -2}, {0.5, 3}}, taper::float64));
}

TEST(Consumer, GradientsOfXtensorFunctions) {
  using Array = xt::xarray<double>;
  const auto f = [](const Array& x) -> Array { return xt::sin(x); };
  const auto right = [](const Array& x, const Array& dy) -> Array { return dy * xt::cos(x); };
  const auto wrong = [](const Array& x, const Array& dy) -> Array { return -dy * xt::cos(x); };
  const Array x{{1, 2, 3}, {-1, 0, 0.5}};
  EXPECT_GRADIENTS(f, right, x);
  EXPECT_EQ(taper::gradcheck(f, wrong, x).verdict, taper::Verdict::failed);
}

}  // namespace
