// Convolution and pooling at sizes that are cut into tiles and parts, with every instruction set and number
// of threads; ties and NaN.
#include "support/helpers.hpp"
#include "support/random_cases.hpp"
#include <taper/ops/kernels/simd.hpp>
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include <gtest/gtest.h>
#include <hwy/targets.h>

namespace taper::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN(),
                 infinity = std::numeric_limits<double>::infinity();

// Calls check() with each instruction set that this machine has, down to the baseline.
void with_each_instruction_set(const std::function<void()>& check) {
  for (auto rest = static_cast<std::uint64_t>(hwy::SupportedTargets() & HWY_TARGETS); rest != 0;
       rest &= rest - 1) {
    const auto target = static_cast<std::int64_t>(rest & (~rest + 1));
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().DeInit();
    check();
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().DeInit();
  }
}

// y, dx and dweight in float64, by the plainest loops there are.
Tensors plain(const Tensor& x, const Tensor& weight, const Tensor& dy, const Conv2dOptions& o) {
  Tensors result{zeros(dy.shape(), float64), zeros(x.shape(), float64), zeros(weight.shape(), float64)};
  double *const y = result[0].mutable_data<double>(), *const dx = result[1].mutable_data<double>(),
                *const dw = result[2].mutable_data<double>();
  const std::vector<double> xs = x.to_vector(), ws = weight.to_vector(), dys = dy.to_vector();
  const std::int64_t inputs = weight.extent(1), kh = weight.extent(2), kw = weight.extent(3);
  const std::int64_t outputs = dy.extent(1), h = x.extent(2), w = x.extent(3);
  for (std::int64_t i = 0; i < dy.size(); ++i) {
    const Shape at = index_of(i, dy.shape());
    for (std::int64_t k = 0; k < inputs * kh * kw; ++k) {
      const std::int64_t c = at[1] / (outputs / o.groups) * inputs + k / (kh * kw);
      const std::int64_t row = at[2] * o.stride.height + k / kw % kh * o.dilation.height - o.padding.height;
      const std::int64_t column = at[3] * o.stride.width + k % kw * o.dilation.width - o.padding.width;
      if (row < 0 || row >= h || column < 0 || column >= w) continue;
      const auto from = static_cast<std::size_t>(((at[0] * x.extent(1) + c) * h + row) * w + column);
      const auto filter = static_cast<std::size_t>(at[1] * inputs * kh * kw + k);
      y[i] += ws[filter] * xs[from];
      dx[from] += ws[filter] * dys[static_cast<std::size_t>(i)];
      dw[filter] += xs[from] * dys[static_cast<std::size_t>(i)];
    }
  }
  return result;
}

class Convolution : public testing::Test, protected RandomCases {
 protected:
  // Whether all three agree with the plain loops, and have the same bits with any number of threads.
  void check(const Shape& x_shape, const Shape& weight_shape, const Conv2dOptions& options) {
    SCOPED_TRACE(printed(x_shape) + " and " + printed(weight_shape));
    for (const DType dtype : {float32, float64}) {
      const Tensor x = draw(x_shape, dtype), weight = draw(weight_shape, dtype);
      const MultiFunction f = [&](const Tensors& t) { return conv2d(t[0], t[1], options); };
      const Tensor dy = draw(f({x, weight}).shape(), dtype);
      const Tensors expected = plain(x, weight, dy, options);
      const int before = thread_count();
      with_each_instruction_set([&] {
        Tensors first;
        for (const int threads : {1, 2, 3}) {
          set_thread_count(threads);
          Tensors found = gradients(f, {x, weight}, dy);
          found.insert(found.begin(), f({x, weight}));
          if (first.empty()) first = found;
          for (std::size_t i = 0; i < found.size(); ++i) {
            expect_same(found[i], first[i]);
            // A sum of n products errs by less than that, as in threads/large_ops_test.cpp.
            const Tensor& summed = i == 2 ? dy : weight;
            const auto n = static_cast<double>(summed.size() / summed.extent(i == 0 ? 0 : 1));
            const double rounding = dtype == float32 ? 1.6e-7 : 1e-15;
            expect_close(found[i].to(float64), expected[i], rounding * (n + 10));
          }
        }
      });
      set_thread_count(before);
    }
  }

 private:
  Tensor draw(const Shape& shape, DType dtype) { return randn(shape, generator, dtype); }
};

TEST_F(Convolution, AgreesWithPlainLoopsForSizesAroundTiles) {
  check({3, 1, 28, 28}, {6, 1, 5, 5}, {.padding = 2});
  check({2, 6, 14, 14}, {16, 6, 5, 5}, {});
  check({2, 17, 9, 23}, {9, 17, 3, 3}, {.padding = 1});
  check({1, 3, 31, 49}, {25, 3, 4, 2}, {.stride = 2, .padding = {1, 0}});
  check({2, 4, 20, 33}, {8, 2, 3, 3}, {.stride = {1, 3}, .dilation = {2, 1}, .groups = 2});
  check({2, 7, 12, 12}, {14, 1, 3, 3}, {.padding = 1, .groups = 7});
  check({1, 40, 8, 8}, {33, 40, 1, 1}, {});
  check({70, 2, 5, 5}, {3, 2, 5, 5}, {});
}

TEST_F(Convolution, AgreesWithPlainLoopsWhereTheWeightsGradientIsMadeOfParts) {
  check({20, 8, 30, 30}, {16, 8, 3, 3}, {.padding = 1});
}

Tensor max_gradient(const Tensor& x, const Size2d& size, const Pool2dOptions& options) {
  const auto f = [=](const Tensor& t) { return max_pool2d(t, size, options); };
  Tensor dy = f(x);
  dy = arange(1, static_cast<double>(dy.size()) + 1, 1, x.dtype());
  return gradient_of(f, x, reshape(dy, f(x).shape()));
}

// The general loop, and the one for windows of 2 x 2 that touch each other, in vectors and behind them.
TEST(Pooling, GivesTheFirstOfEqualElementsAllOfTheCotangent) {
  with_each_instruction_set([] {
    for (const DType dtype : {float32, float64}) {
      expect_same(max_gradient(ones({2, 2}, dtype), 2, {}), tensor({{1, 0}, {0, 0}}, dtype));
      expect_same(max_gradient(tensor({{0, 1, 1}, {1, 1, 1}}, dtype), {2, 3}, {}),
                  tensor({{0, 1, 0}, {0, 0, 0}}, dtype));
      for (int first = 0; first < 4; ++first) {  // the others are as large, or smaller
        for (const double other : {1., 0.}) {
          Tensor x = zeros({2, 70}, dtype), expected = zeros({2, 70}, dtype);
          dispatch(dtype, [&]<class T>() {
            for (std::int64_t w = 0; w < 35; ++w) {
              for (int i = first; i < 4; ++i)
                x.mutable_data<T>()[i / 2 * 70 + 2 * w + i % 2] = static_cast<T>(i == first ? 1 : other);
              expected.mutable_data<T>()[first / 2 * 70 + 2 * w + first % 2] = static_cast<T>(w + 1);
            }
          });
          expect_same(max_gradient(x, 2, {}), expected);
        }
      }
    }
  });
}

TEST(Pooling, ANaNIsTheLargest) {
  with_each_instruction_set([] {
    for (int place = 0; place < 4; ++place) {
      Tensor x = full({2, 40}, infinity), expected = zeros({2, 40});
      for (std::int64_t w = 0; w < 20; ++w) {
        x.mutable_data<float>()[place / 2 * 40 + 2 * w + place % 2] = static_cast<float>(nan);
        expected.mutable_data<float>()[place / 2 * 40 + 2 * w + place % 2] = static_cast<float>(w + 1);
      }
      for (const double value : max_pool2d(x, 2).to_vector()) EXPECT_TRUE(std::isnan(value));
      expect_same(max_gradient(x, 2, {}), expected);
      EXPECT_TRUE(std::isnan(max_pool2d(x, {2, 3}, {.stride = 1}).at(0, 0)) || place % 2 == 1);
    }
  });
}

TEST(Pooling, MinusInfinityIsLargerThanThePadding) {
  const Tensor x = full({2, 2}, -infinity);
  expect_same(max_pool2d(x, 2, {.padding = 1}), full({2, 2}, -infinity));
  expect_same(max_gradient(x, 2, {.padding = 1}), tensor({{1, 2}, {3, 4}}));
}

// What no window of 2 x 2 reaches, in pictures whose memory was in use before.
TEST(Pooling, TheRestOfAPictureHasTheGradientZero) {
  for (const auto pool : {max_pool2d, avg_pool2d}) {
    for (const Shape& shape : {Shape{3, 5, 4}, Shape{3, 4, 5}, Shape{3, 5, 5}}) {
      SCOPED_TRACE(shape);
      full(shape, 7);  // leaves its memory to the gradient
      const Tensor dx = gradient_of([&](const Tensor& t) { return pool(t, 2, {}); }, randn(shape));
      for (std::int64_t i = 0; i < dx.size(); ++i) {
        const Shape at = index_of(i, shape);
        const bool is_reached = at[1] < 4 && at[2] < 4;
        EXPECT_TRUE(is_reached || dx.at(at[0], at[1], at[2]) == 0) << at;
      }
      EXPECT_NEAR(sum(dx).item(), 12, 1e-6);
    }
  }
}

// Against the same windows taken out by slices, for many rows and planes.
// Pooling 2 x 2 against slices. (Of two equal elements, which `maximum` would treat alike, there are none.)
void expect_pooled_like_slices(const Shape& shape, DType dtype) {
  Generator generator(3);
  const std::int64_t rows = shape[1] / 2, columns = shape[2] / 2;
  const Tensor x = randn(shape, generator, dtype);
  const Tensor dy = randn({shape[0], rows, columns}, generator, dtype);
  const auto part = [=](const Tensor& t, std::int64_t i, std::int64_t j) {
    return slice(slice(t, 1, i, 2 * rows, 2), 2, j, 2 * columns, 2);
  };
  const auto largest = [&](const Tensor& t) {
    return maximum(maximum(part(t, 0, 0), part(t, 0, 1)), maximum(part(t, 1, 0), part(t, 1, 1)));
  };
  const auto average = [&](const Tensor& t) {
    return (part(t, 0, 0) + part(t, 0, 1) + part(t, 1, 0) + part(t, 1, 1)) / 4;
  };
  const auto max_pool = [](const Tensor& t) { return max_pool2d(t, 2); };
  const auto avg_pool = [](const Tensor& t) { return avg_pool2d(t, 2); };
  expect_same(max_pool(x), largest(x));
  expect_same(gradient_of(max_pool, x, dy), gradient_of(largest, x, dy));
  expect_close(avg_pool(x), average(x), 1e-6);
  expect_close(gradient_of(avg_pool, x, dy), gradient_of(average, x, dy), 1e-6);
}

TEST(Pooling, AgreesWithSlicesForManyPictures) {
  const int before = thread_count();
  with_each_instruction_set([&] {
    for (const int threads : {1, 3}) {
      set_thread_count(threads);
      expect_pooled_like_slices({40, 31, 46}, float32);
    }
  });
  set_thread_count(before);
}

// Gradients of large pictures go past the cache, unless their lines begin where no vector may.
TEST(Pooling, AgreesWithSlicesForLargePictures) {
  expect_pooled_like_slices({1, 1031, 2064}, float64);
  expect_pooled_like_slices({1, 1031, 2070}, float64);
}

}  // namespace
}  // namespace taper::test
