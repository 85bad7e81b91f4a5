// Properties of sparse_softmax on random rows, other ones in each run.
#include "support/random_cases.hpp"
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

class SparseSoftmaxProperty : public testing::Test, protected RandomCases {
 protected:
  // A row of one of several kinds: normal at several scales, full of ties, masked, huge.
  Row random_row(std::int64_t n) {
    Row z(static_cast<std::size_t>(n));
    const std::int64_t kind = integer(0, 5);
    const double scale = std::pow(10, static_cast<double>(integer(-3, 1)));
    for (double& value : z) {
      value = scale * generator.normal();
      if (kind == 1) value = 0.25 * static_cast<double>(integer(-2, 2));
      if (kind == 2 && generator.uniform() < 0.4) value = -inf;
      if (kind == 3 && generator.uniform() < 0.5) value = generator.uniform() < 0.5 ? 1e30 : -1e30;
      if (kind == 4) value += 1e6;
    }
    if (largest(z, 1).empty()) z[0] = 0;  // a fully masked row has a test of its own
    return z;
  }

  // A row without ties, whose support is the same for all neighbours.
  Row smooth_row(std::int64_t n) {
    Row z(static_cast<std::size_t>(n));
    for (double& value : z) value = generator.normal();
    return z;
  }
};

std::string text(const Row& z, std::int64_t k) {
  return testing::PrintToString(z) + ", k = " + std::to_string(k);
}

Row project(const Row& z, std::int64_t k) { return sparse_softmax(row(z), k).to_vector(); }

// sum p^2 - 2 p z, which is |p - z|^2 over the elements that are not -inf, less what it is for p = 0. z is
// shifted to maximum 0: huge numbers would cancel.
double distance(const Row& p, const Row& z) {
  const double maximum = *std::max_element(z.begin(), z.end());
  double total = 0;
  for (std::size_t i = 0; i < z.size(); ++i) {
    if (p[i] != 0) total += p[i] * p[i] - 2 * p[i] * (z[i] - maximum);
  }
  return total;
}

// The projection of z to the simplex over the elements of `support`: textbook, by halving an
// interval for tau.
Row project_onto(const Row& z, const std::vector<std::size_t>& support) {
  Row part;
  for (std::size_t i : support) part.push_back(z[i]);
  const Row projected = sparse_softmax_row(part, static_cast<std::int64_t>(part.size()));
  Row p(z.size(), 0.0);
  for (std::size_t j = 0; j < support.size(); ++j) p[support[j]] = projected[j];
  return p;
}

TEST_F(SparseSoftmaxProperty, LiesOnTheSimplexWithAtMostKNonZeros) {
  for (int round = 0; round < 2000; ++round) {
    const std::int64_t n = integer(1, 40), k = integer(1, n + 3);
    const Row z = random_row(n), p = project(z, k);
    SCOPED_TRACE(text(z, k));
    double total = 0;
    std::int64_t support = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      ASSERT_GE(p[i], 0);
      total += p[i];
      support += p[i] > 0;
      if (z[i] == -inf) {
        ASSERT_EQ(p[i], 0);
      }
    }
    ASSERT_NEAR(total, 1, 1e-12);
    ASSERT_LE(support, k);
    ASSERT_GE(support, 1);
  }
}

// No other support of at most k elements gives a smaller distance, and among the elements that tie the ones
// in the support are the first.
TEST_F(SparseSoftmaxProperty, IsTheNearestPoint) {
  for (int round = 0; round < 300; ++round) {
    const std::int64_t n = integer(1, 8), k = integer(1, n + 2);
    const Row z = random_row(n), p = project(z, k);
    SCOPED_TRACE(text(z, k));
    const double ours = distance(p, z);
    for (unsigned mask = 1; mask < (1u << n); ++mask) {
      std::vector<std::size_t> support;
      for (std::size_t i = 0; i < z.size(); ++i) {
        if (mask >> i & 1u) support.push_back(i);
      }
      if (static_cast<std::int64_t>(support.size()) > k) continue;
      if (std::any_of(support.begin(), support.end(), [&](std::size_t i) { return z[i] == -inf; })) continue;
      ASSERT_LE(ours, distance(project_onto(z, support), z) + 1e-9);
    }
    for (std::size_t i = 0; i < z.size(); ++i) {
      for (std::size_t j = i + 1; j < z.size(); ++j) {
        if (z[i] == z[j]) {
          ASSERT_GE(p[i], p[j]) << "elements " << i << " and " << j << " tie";
        }
      }
    }
  }
}

TEST_F(SparseSoftmaxProperty, AgreesWithBisectionOnTheKLargest) {
  for (int round = 0; round < 1000; ++round) {
    const std::int64_t n = integer(1, 60), k = integer(1, n + 3);
    const Row z = random_row(n);
    SCOPED_TRACE(text(z, k));
    expect_values(sparse_softmax(row(z), k), sparse_softmax_row(z, k));
    const Tensor shifted = row(z) - *std::max_element(z.begin(), z.end());
    expect_values(topk_softmax(shifted, k), topk_softmax_row(shifted.to_vector(), k));
    if (HasFailure()) return;
  }
}

TEST_F(SparseSoftmaxProperty, IsShiftInvariant) {
  for (int round = 0; round < 500; ++round) {
    const std::int64_t n = integer(1, 20), k = integer(1, n + 1);
    Row z = random_row(n);
    // Multiples of 2^-10, so that adding a whole number rounds nothing and the two must agree in every bit.
    for (double& value : z)
      value = std::isinf(value) || std::abs(value) > 1e5 ? -inf : std::round(value * 1024) / 1024;
    z[0] = 0.5;
    const double shift = static_cast<double>(integer(-1000, 1000));
    SCOPED_TRACE(text(z, k));
    expect_same(sparse_softmax(row(z) + shift, k), sparse_softmax(row(z), k));
    if (HasFailure()) return;
  }
}

TEST_F(SparseSoftmaxProperty, FollowsPermutations) {
  for (int round = 0; round < 500; ++round) {
    const std::int64_t n = integer(1, 20), k = integer(1, n + 1);
    const Row z = smooth_row(n);
    std::vector<std::int64_t> order(z.size());
    std::iota(order.begin(), order.end(), 0);
    for (std::size_t i = order.size() - 1; i > 0; --i) {
      std::swap(order[i], order[static_cast<std::size_t>(integer(0, static_cast<std::int64_t>(i)))]);
    }
    SCOPED_TRACE(text(z, k));
    // tau sums in the order of the elements, so that the last digit may differ; the support may not.
    const Tensor p = sparse_softmax(gather(row(z), order), k), q = gather(sparse_softmax(row(z), k), order);
    expect_close(p, q, 1e-15);
    const auto support = [](const Tensor& x) { return where(x, ones({}, float64), zeros({}, float64)); };
    expect_same(support(p), support(q));
    if (HasFailure()) return;
  }
}

TEST_F(SparseSoftmaxProperty, AlongAnyAxisIsAlongTheLastOneTransposed) {
  for (int round = 0; round < 100; ++round) {
    const int rank = static_cast<int>(integer(2, 4));
    Shape shape = Shape::filled(rank, 1);
    for (std::int64_t& extent : shape) extent = integer(1, 5);
    const int axis = static_cast<int>(integer(0, rank - 1));
    const std::int64_t k = integer(1, 6);
    const DType dtype = integer(0, 1) ? float32 : float64;
    const Tensor z = randn(shape, generator, dtype), v = randn(shape, generator, dtype);
    const auto direct = [&](const Tensor& x) { return sparse_softmax(x, k, axis); };
    const auto moved = [&](const Tensor& x) {
      return transpose(sparse_softmax(transpose(x, axis, -1), k), axis, -1);
    };
    expect_same(direct(z), moved(z));
    expect_same(sparse_softmax(z, k, axis - rank), direct(z));
    expect_same(gradient_of(direct, z, v), gradient_of(moved, z, v));
  }
}

TEST_F(SparseSoftmaxProperty, ItsGradientIsCentredOnTheSupportAndZeroElsewhere) {
  for (int round = 0; round < 500; ++round) {
    const std::int64_t n = integer(1, 30), k = integer(1, n + 1);
    const Row z = random_row(n), p = project(z, k);
    SCOPED_TRACE(text(z, k));
    const Tensor v = randn({n}, generator, float64);
    const Row g = gradient_of([k](const Tensor& x) { return sparse_softmax(x, k); }, row(z), v).to_vector();
    double mean_over_support = 0, support = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (p[i] > 0) mean_over_support += v.to_vector()[i];
      support += p[i] > 0;
    }
    mean_over_support /= support;
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double expected = p[i] > 0 ? v.to_vector()[i] - mean_over_support : 0;
      ASSERT_NEAR(g[i], expected, 1e-12);
    }
  }
}

// The same float numbers in both precisions: the same support, and values that differ by rounding alone.
TEST_F(SparseSoftmaxProperty, Float32FindsTheSupportOfFloat64) {
  for (int round = 0; round < 1000; ++round) {
    const std::int64_t n = integer(1, 60), k = integer(1, n + 3);
    const Tensor z32 = cast(row(random_row(n)), float32), z64 = cast(z32, float64);
    SCOPED_TRACE(text(z64.to_vector(), k));
    const Tensor p32 = sparse_softmax(z32, k), p64 = sparse_softmax(z64, k);
    for (std::int64_t i = 0; i < n; ++i) {
      ASSERT_EQ(p32.data<float>()[i] > 0, p64.data<double>()[i] > 0) << "element " << i;
    }
    expect_close(p32, p64, 1e-7);
    if (HasFailure()) return;
  }
}

TEST_F(SparseSoftmaxProperty, GradientsOfSmoothRowsPassTheGradcheck) {
  constexpr int rounds = 50;
  int passed = 0;
  for (int round = 0; round < rounds; ++round) {
    const std::int64_t n = integer(2, 9), k = integer(1, n);
    const Row z = smooth_row(n);
    SCOPED_TRACE(text(z, k));
    const GradcheckReport report = gradcheck([k](const Tensor& x) { return sparse_softmax(x, k); }, row(z));
    ASSERT_NE(report.verdict, Verdict::failed) << report;  // an element at a jump is undecided, and named
    passed += report.ok();
  }
  EXPECT_GE(passed, rounds * 9 / 10);
}

}  // namespace
}  // namespace taper::test
