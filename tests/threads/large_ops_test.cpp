// Ops on tensors so large that their loops are cut into parts: right in every element, and the same bits for
// any number of threads.
#include "support/helpers.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <utility>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

// What n float32 products of normal numbers, added up one after the other, may be off by: a partial sum of j
// is about sqrt(j), and adding to it errs by up to half of 1.2e-7 of that, at random. That makes 4e-8 n; four
// deviations are allowed for.
double rounding(std::int64_t n) { return 1.6e-7 * static_cast<double>(n) + 1e-6; }

// A generator that each run seeds anew; a failure says with what.
class LargeOps : public testing::Test {
 private:
  const std::uint64_t seed = fresh_seed();
  testing::ScopedTrace trace{__FILE__, __LINE__, "TAPER_SEED=" + std::to_string(seed)};

 protected:
  Generator generator{seed};
};

// Calls f with 1, 2 and 4 threads, expects the same bits each time, and returns what it returned.
Tensors with_any_threads(const std::function<Tensors()>& f) {
  const int before = thread_count();
  Tensors wanted;
  for (const int threads : {1, 2, 4}) {
    set_thread_count(threads);
    const Tensors found = f();
    if (wanted.empty()) wanted = found;
    for (std::size_t i = 0; i < wanted.size(); ++i) expect_same(found[i], wanted[i]);
  }
  set_thread_count(before);
  return wanted;
}

TEST_F(LargeOps, BroadcastArithmetic) {
  const auto check = [&](const Shape& a_shape, const Shape& b_shape) {
    SCOPED_TRACE(printed(a_shape) + " and " + printed(b_shape));
    const Tensors x{randn(a_shape, generator), randn(b_shape, generator)};
    const auto difference = [](const Tensors& t) { return t[0] - t[1]; };
    const Tensors found = with_any_threads([&] {
      Tensors result = gradients(difference, x);
      result.push_back(difference(x));
      return result;
    });
    const std::vector<Array> arrays{array_of(x[0]), array_of(x[1])};
    expect_close(
        found[2],
        build(common_shape(arrays),
              [&](const Index& i) { return at_broadcast(arrays[0], i) - at_broadcast(arrays[1], i); }),
        1e-6);
    // Each element of an operand gets one for each time that it was repeated.
    const double count = static_cast<double>(found[2].size());
    expect_same(found[0], full(a_shape, count / static_cast<double>(x[0].size())));
    expect_same(found[1], full(b_shape, -count / static_cast<double>(x[1].size())));
  };
  check({50000}, {50000});
  check({50000}, {});
  check({190, 200}, {200});
  check({190, 200}, {190, 1});
  check({9, 1, 50, 30}, {7, 1, 30});
  check({1, 60000}, {2, 1});
}

TEST_F(LargeOps, Reductions) {
  const auto check = [&](const Shape& shape, bool first, bool second, bool third) {
    SCOPED_TRACE(printed(shape) + (first ? " first" : "") + (second ? " second" : "") +
                 (third ? " third" : ""));
    const Tensor x = randn(shape, generator);
    const std::vector<double> values = x.to_vector();
    const Shape kept{first ? 1 : shape[0], second ? 1 : shape[1], third ? 1 : shape[2]};
    Array sums{kept, std::vector<double>(static_cast<std::size_t>(element_count("kept", kept)), 0)};
    Array largest{kept, std::vector<double>(sums.values.size(), -1e9)};
    std::size_t next = 0;
    for (std::int64_t i = 0; i < shape[0]; ++i) {
      for (std::int64_t j = 0; j < shape[1]; ++j) {
        for (std::int64_t l = 0; l < shape[2]; ++l, ++next) {
          const std::int64_t row = (first ? 0 : i) * kept[1] + (second ? 0 : j);
          const auto to = static_cast<std::size_t>(row * kept[2] + (third ? 0 : l));
          sums.values[to] += values[next];
          largest.values[to] = std::max(largest.values[to], values[next]);
        }
      }
    }
    Shape axes = Shape::filled(3, 0);
    int count = 0;
    if (first) axes[count++] = 0;
    if (second) axes[count++] = 1;
    if (third) axes[count++] = 2;
    const Axes reduced(Shape(axes.data(), count));
    const Tensors found = with_any_threads([&] {
      return Tensors{sum(x, reduced, true), max(x, reduced, true)};
    });
    expect_close(found[0], sums, 1e-6);
    expect_close(found[1], largest, 0);
  };
  for (const bool first : {false, true}) {
    for (const bool second : {false, true}) {
      for (const bool third : {false, true}) {
        check({41, 50, 60}, first, second, third);
        check({3, 1, 50000}, first, second, third);
        check({50000, 3, 1}, first, second, third);
      }
    }
  }
}

// Against the formulas, of reductions that are checked above.
TEST_F(LargeOps, OtherReductions) {
  for (const Shape& shape : {Shape{3, 70000}, Shape{70000, 3}, Shape{300, 400}, Shape{30, 40, 100}}) {
    for (const int axis : {0, 1}) {
      SCOPED_TRACE(printed(shape) + " over axis " + std::to_string(axis));
      const Tensor x = randn(shape, generator, float64);
      const Tensors found = with_any_threads([&] {
        return Tensors{min(x, axis),
                       norm(x, axis),
                       var(x, axis),
                       logsumexp(x, axis),
                       prod(1.0 + 1e-3 * x, axis),
                       cumsum(x, axis),
                       sort(x, axis).values};
      });
      expect_close(found[0], -max(-x, axis), 0);
      expect_close(found[1], sqrt(sum(square(x), axis)));
      const double n = static_cast<double>(x.extent(axis));
      expect_close(found[2], sum(square(x - mean(x, axis, true)), axis) / (n - 1));
      expect_close(found[3], log(sum(exp(x), axis)));
      expect_close(found[4], exp(sum(log(1.0 + 1e-3 * x), axis)), 1e-10);
      const Tensor steps =
          slice(found[5], axis, 1, x.extent(axis)) - slice(found[5], axis, 0, x.extent(axis) - 1);
      expect_close(steps, slice(x, axis, 1, x.extent(axis)), 1e-11);
      EXPECT_GE(
          min(slice(found[6], axis, 1, x.extent(axis)) - slice(found[6], axis, 0, x.extent(axis) - 1)).item(),
          0);
      expect_same(slice(found[6], axis, 0, 1), min(x, axis, true));
      expect_same(slice(found[6], axis, -1, x.extent(axis)), max(x, axis, true));
    }
  }
}

TEST_F(LargeOps, ProductsDividedByRowsAndByDepth) {
  const auto check = [&](std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t k, bool ta,
                         bool tb) {
    SCOPED_TRACE(printed(Shape{batch, m, n, k}) + (ta ? " a transposed" : "") + (tb ? " b transposed" : ""));
    const Tensor a = randn(ta ? Shape{batch, k, m} : Shape{batch, m, k}, generator);
    const Tensor b = randn(tb ? Shape{batch, n, k} : Shape{batch, k, n}, generator);
    const Tensor c = with_any_threads([&] { return Tensors{bmm(a, b, ta, tb)}; })[0];
    const std::vector<double> a_values = a.to_vector(), b_values = b.to_vector();
    std::vector<double> wanted;
    for (std::int64_t i = 0; i < batch * m * n; ++i) {
      const std::int64_t problem = i / (m * n), r = i / n % m, c_column = i % n;
      double sum = 0;
      for (std::int64_t p = 0; p < k; ++p) {
        sum +=
            a_values[static_cast<std::size_t>(problem * m * k + (ta ? p * m + r : r * k + p))] *
            b_values[static_cast<std::size_t>(problem * n * k + (tb ? c_column * k + p : p * n + c_column))];
      }
      wanted.push_back(sum);
    }
    expect_close(c, Array{{batch, m, n}, wanted}, rounding(k));
  };
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      check(1, 30, 40, 9001, ta, tb);
      check(2, 20, 50, 4100, ta, tb);
    }
    check(1, 601, 130, 70, ta, true);
    check(1, 40, 700, 300, ta, false);
  }
}

// Row-major double loops: c = a b, or with the first or second transposed.
std::vector<double> product(const Tensor& a, const Tensor& b, bool ta, bool tb) {
  const std::vector<double> x = a.to_vector(), y = b.to_vector();
  const std::int64_t m = a.extent(ta ? 1 : 0), k = a.extent(ta ? 0 : 1), n = b.extent(tb ? 0 : 1);
  std::vector<double> c(static_cast<std::size_t>(m * n), 0);
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t p = 0; p < k; ++p) {
      const double left = x[static_cast<std::size_t>(ta ? p * m + i : i * k + p)];
      for (std::int64_t j = 0; j < n; ++j) {
        c[static_cast<std::size_t>(i * n + j)] +=
            left * y[static_cast<std::size_t>(tb ? j * k + p : p * n + j)];
      }
    }
  }
  return c;
}

// Parts by rows and by depth, slices of them, the transposed copy of a small matrix, and the bias in each.
TEST_F(LargeOps, LayersAndTheirGradients) {
  const auto check = [&](std::int64_t rows, std::int64_t inputs, std::int64_t outputs) {
    SCOPED_TRACE(printed(Shape{rows, inputs, outputs}));
    const Tensors x{randn({rows, inputs}, generator), randn({inputs, outputs}, generator),
                    randn({outputs}, generator)};
    const Tensor dy = randn({rows, outputs}, generator);
    const auto layer = [](const Tensors& t) { return affine(t[0], t[1], t[2]); };
    const Tensors found = with_any_threads([&] {
      Tensors result = gradients(layer, x, dy);
      result.push_back(layer(x));
      return result;
    });
    Array y{{rows, outputs}, product(x[0], x[1], false, false)};
    const std::vector<double> bias = x[2].to_vector();
    for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] += bias[i % bias.size()];
    expect_close(found[3], y, rounding(inputs));
    expect_close(found[0], Array{{rows, inputs}, product(dy, x[1], false, true)}, rounding(outputs));
    expect_close(found[1], Array{{inputs, outputs}, product(x[0], dy, true, false)}, rounding(rows));
    expect_close(found[2], sum(dy, 0), rounding(rows));
  };
  check(2000, 64, 100);
  check(601, 70, 130);
  check(20, 9001, 40);
  check(3000, 40, 30);
}

TEST_F(LargeOps, Transpose) {
  const auto check = [&](const Shape& shape, int a, int b) {
    SCOPED_TRACE(printed(shape) + " axes " + std::to_string(a) + " and " + std::to_string(b));
    const Tensor x = randn(shape, generator);
    const Array from = array_of(x);
    Shape swapped = shape;
    std::swap(swapped[a], swapped[b]);
    const Tensor found = with_any_threads([&] { return Tensors{transpose(x, a, b)}; })[0];
    expect_close(found,
                 build(swapped,
                       [&](Index index) {
                         std::swap(index[static_cast<std::size_t>(a)], index[static_cast<std::size_t>(b)]);
                         return at(from, index);
                       }),
                 0);
  };
  for (const auto& [a, b] : {std::pair{0, 1}, {0, 2}, {1, 2}}) {
    check({70, 33, 50}, a, b);
    check({37, 90, 19}, a, b);
    check({300, 2, 80}, a, b);
  }
}

TEST_F(LargeOps, Where) {
  const Tensor condition = randn({70000}, generator), x = randn({70000}, generator),
               y = randn({70000}, generator);
  const Tensor positive = relu(condition);
  const Tensor found = with_any_threads([&] { return Tensors{where(positive, x, y)}; })[0];
  std::vector<double> wanted = y.to_vector();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    wanted[i] = positive.data<float>()[i] != 0 ? x.data<float>()[i] : y.data<float>()[i];
  }
  expect_close(found, Array{{70000}, wanted}, 0);
}

TEST_F(LargeOps, Gelu) {
  const Tensor x = 4.0 * randn({50001}, generator);
  const Tensors found = with_any_threads([&] { return Tensors{gelu(x), gradient_of(gelu, x)}; });
  const auto wide = cast(x, float64);
  expect_close(found[0], gelu(wide), 1e-6);
  expect_close(found[1], gradient_of(gelu, wide), 1e-6);
}

// Two cotangents of one tensor are added up.
TEST_F(LargeOps, SumsOfCotangents) {
  const Tensor x = randn({50000}, generator);
  const auto f = [](const Tensor& t) { return t * t + 2.0 * t; };
  const Tensor found = with_any_threads([&] { return Tensors{gradient_of(f, x)}; })[0];
  expect_close(found, 2.0 * x + 2.0, 1e-6);
}

}  // namespace
}  // namespace taper::test
