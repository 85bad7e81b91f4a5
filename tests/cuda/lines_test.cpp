// logsumexp, cumsum and argmax on the CUDA device against the CPU's, for rows and columns of every length. A
// failure prints the seed; set the environment variable TAPER_SEED to it to repeat the run.
#include "cuda/fixture.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <limits>

namespace taper::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

class CudaLines : public CudaTest {
 protected:
  // Calls check(x on the CPU, axis) for matrices along both axes, and for middle axes.
  template <class Check>
  void for_each_line(const Check& check) {
    for (const std::int64_t n : {1, 2, 31, 32, 33, 255, 256, 257, 1000, 5000, 20011}) {
      check(randn({3, n}, generator, dtype()), 1);
      check(randn({n, 3}, generator, dtype()), 0);
      check(randn({2, n, 2}, generator, dtype()), 1);
    }
    check(randn({2, 300, 40}, generator, dtype()), 1);
    check(randn({2, 3, 700}, generator, dtype()), 1);
  }
};

TEST_F(CudaLines, Logsumexp) {
  for_each_line([&](const Tensor& x, int axis) {
    SCOPED_TRACE(printed(x.shape()) + " over axis " + std::to_string(axis));
    expect_close(logsumexp(x.to(gpu), axis), logsumexp(x, axis), x.dtype() == float32 ? 1e-6 : 1e-13);
  });
  for (const std::int64_t n : {2, 100, 1000, 70001}) {
    Tensor x = full({5, n}, -inf, float64);
    double* const values = x.mutable_data<double>();
    values[n + n / 2] = std::nan("");
    values[2 * n + n - 1] = inf;
    values[3 * n] = inf, values[3 * n + n - 1] = std::nan("");
    values[4 * n + n / 2] = 7;
    expect_values(logsumexp(x.to(gpu), 1), {-inf, std::nan(""), inf, std::nan(""), 7});
  }
  expect_values(logsumexp(zeros({2, 0}, gpu), 1), {-inf, -inf});
}

TEST_F(CudaLines, Cumsum) {
  for_each_line([&](const Tensor& x, int axis) {
    SCOPED_TRACE(printed(x.shape()) + " along axis " + std::to_string(axis));
    const auto f = [axis](const Tensor& t) { return cumsum(t, axis); };
    const double unit = std::sqrt(static_cast<double>(x.extent(axis)));
    const double tolerance = x.dtype() == float32 ? 1e-6 : 1e-12;
    expect_close(f(x.to(gpu)) / unit, f(x) / unit, tolerance);
    expect_close(gradient_of(f, x.to(gpu), x.to(gpu)) / unit, gradient_of(f, x, x) / unit, tolerance);
  });
  Tensor x = ones({300}, float64);
  x.mutable_data<double>()[290] = inf;
  EXPECT_EQ(cumsum(x.to(gpu)).to_vector()[289], 290) << "an infinity changes nothing before it";
}

TEST_F(CudaLines, ArgmaxTakesTheFirst) {
  const auto expect_equal = [](const Indices& found, const Indices& wanted) {
    ASSERT_EQ(found.shape(), wanted.shape());
    for (std::int64_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(found[i], wanted[i]) << i;
  };
  for_each_line([&](const Tensor& normal, int axis) {
    SCOPED_TRACE(printed(normal.shape()) + " along axis " + std::to_string(axis));
    std::vector<double> values = normal.to_vector();
    const bool has_nan = integer(0, 2) == 0;
    for (double& value : values) {  // rounded, so that many are equal
      value = has_nan && integer(0, 99) == 0 ? std::nan("") : std::floor(2 * value);
    }
    const Tensor x = tensor(values, normal.shape(), normal.dtype());
    expect_equal(argmax(x.to(gpu), axis), argmax(x, axis));
    expect_equal(argmin(x.to(gpu), axis), argmin(x, axis));
    expect_equal(argmax(x.to(gpu)), argmax(x));
    expect_equal(sort(x.to(gpu), axis).indices, sort(x, axis).indices);
  });
}

}  // namespace
}  // namespace taper::test
