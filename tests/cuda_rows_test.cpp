// The CUDA device's kernels of rows against the CPU's, on random rows, other ones in each run. A failure
// prints the seed; set the environment variable TAPER_SEED to it to repeat the run.
#include <taper/cuda/device.hpp>
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "helpers.hpp"

namespace taper::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
const double nan = std::numeric_limits<double>::quiet_NaN();

// The lengths at which another kernel, or another part of one, takes over.
const std::vector<std::int64_t> lengths{0,    1,    2,    3,    5,    31,   32,   33,   64,
                                        127,  128,  129,  255,  256,  257,  511,  512,  513,
                                        1000, 1023, 1024, 1025, 4096, 4097, 8190, 8192, 8193};

class CudaRows : public testing::Test {
 protected:
  void SetUp() override {
    if (!cuda::available()) GTEST_SKIP() << "no CUDA device";
  }

  std::int64_t integer(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(generator.uniform() * static_cast<double>(high - low + 1));
  }

  // A row of one of several kinds: normal at several scales, full of ties, constant, masked, huge, tiny,
  // spoilt.
  enum Kind { normal, far, grid, tenths, constant, masked, huge, denormal, sorted, empty, spoilt, kinds };
  Row random_row(std::int64_t n) {
    const auto kind = static_cast<Kind>(integer(0, kinds - 1));
    const double scale = std::pow(10, static_cast<double>(integer(-4, 2)) / 2), where = generator.normal();
    Row z(static_cast<std::size_t>(n));
    for (double& value : z) {
      value = scale * generator.normal();
      if (kind == far) value += 1e6;
      if (kind == grid) value = 0.25 * static_cast<double>(integer(-3, 3));
      if (kind == tenths) value = 0.1 * static_cast<double>(integer(-8, 8));
      if (kind == constant) value = where;
      if (kind == masked && generator.uniform() < 0.7) value = -inf;
      if (kind == huge && generator.uniform() < 0.7) value = generator.uniform() < 0.5 ? 1e30 : -1e30;
      if (kind == denormal) value = 1e-44 * static_cast<double>(integer(-3, 3));
      if (kind == empty) value = -inf;
    }
    if (kind == sorted) std::sort(z.begin(), z.end());
    if (kind == spoilt && n > 0)
      z[static_cast<std::size_t>(integer(0, n - 1))] = generator.uniform() < 0.5 ? nan : inf;
    return z;
  }
  Tensor random_rows(std::int64_t rows, std::int64_t n, DType dtype) {
    Tensor z = zeros({rows, n}, float64);
    for (std::int64_t r = 0; r < rows; ++r) {
      const Row row = random_row(n);
      std::copy(row.begin(), row.end(), z.mutable_data<double>() + r * n);
    }
    return cast(z, dtype);
  }
  std::int64_t random_k(std::int64_t n) {
    const std::vector<std::int64_t> usual{1, 2, 3, 8, 31, 32, 33, 64, 127, 128, 129, 300};
    const std::int64_t some = integer(0, static_cast<std::int64_t>(usual.size()) + 3);
    if (some < static_cast<std::int64_t>(usual.size())) return usual[static_cast<std::size_t>(some)];
    return std::max<std::int64_t>(1, integer(0, 1) == 0 ? integer(1, n + 1) : n + integer(-1, 3));
  }

  const std::uint64_t seed = fresh_seed();
  testing::ScopedTrace trace{__FILE__, __LINE__, "TAPER_SEED=" + std::to_string(seed)};
  Generator generator{seed};
};

Tensor on_device(const Tensor& x) { return x.to(Device::cuda()); }
Tensor on_cpu(const Tensor& x) { return x.to(Device::cpu()); }

// Both NaN, or within `ulps` steps of rounding (of the result's dtype) of the larger of the expected number and 1.
void expect_ulps(const Tensor& actual, const Tensor& expected, double ulps) {
  expect_close(actual, expected, ulps * (actual.dtype() == float32 ? 0x1p-23 : 0x1p-52));
}

// The same bits, the support included.
TEST_F(CudaRows, SparseSoftmaxIsThatOfTheCpu) {
  for (const std::int64_t n : lengths) {
    for (const DType dtype : {float32, float64}) {
      for (int turn = 0; turn < 4; ++turn) {
        const std::int64_t k = random_k(n);
        SCOPED_TRACE(testing::Message()
                     << "n = " << n << ", k = " << k << ", " << dtype << ", turn " << turn);
        const Tensor z = random_rows(5, n, dtype);
        expect_same(on_cpu(sparse_softmax(on_device(z), k)), sparse_softmax(z, k));
        expect_same(on_cpu(sparse_softmax_as_written(on_device(z), k)), sparse_softmax_as_written(z, k));
        // The CPU adds the exponentials in the dtype one by one, each time with a rounding.
        expect_ulps(on_cpu(topk_softmax(on_device(z), k)), topk_softmax(cast(z, float64), k),
                    dtype == float32 ? 4 : 4 + static_cast<double>(std::min(k, n)));
        if (HasFailure()) return;
      }
    }
  }
}

TEST_F(CudaRows, SoftmaxIsThatOfTheCpu) {
  for (const std::int64_t n : lengths) {
    for (const DType dtype : {float32, float64}) {
      SCOPED_TRACE(testing::Message() << "n = " << n << ", " << dtype);
      const Tensor z = random_rows(8, n, dtype);
      expect_ulps(on_cpu(softmax(on_device(z))), softmax(z), 8);
      expect_ulps(on_cpu(log_softmax(on_device(z))), log_softmax(z), 8);
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace taper::test
