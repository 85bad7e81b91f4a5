// The CUDA device's softmaxes and sparse softmaxes against the CPU's, on random rows, other ones in each run.
// A failure prints the seed; set the environment variable TAPER_SEED to it to repeat the run.
#include "cuda/fixture.hpp"
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
const double nan = std::numeric_limits<double>::quiet_NaN();

// The lengths at which another kernel, or another part of one, takes over, for packs of 16 bytes and for
// single elements; and some that a kernel may handle wrongly.
const std::vector<std::int64_t> lengths{0,    1,    2,    3,    5,    31,   32,   33,   64,   127,  128,
                                        129,  255,  256,  257,  511,  512,  513,  1000, 1023, 1024, 1025,
                                        1028, 2050, 4096, 4097, 4098, 8192, 8193, 8196, 20000};

class CudaRows : public CudaTest {
 protected:
  // A row of one of several kinds: normal at several scales, full of ties, constant, masked, huge, tiny,
  // sorted, empty, with a NaN or +inf.
  enum Kind { normal, far, grid, tenths, constant, masked, huge, denormal, sorted, empty, nan_row, kinds };
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
    if (kind == nan_row && n > 0) z[static_cast<std::size_t>(integer(0, n - 1))] = one_of<double>({nan, inf});
    return z;
  }
  // Such rows along the axis.
  Tensor random_tensor(const Shape& shape, int axis, DType dtype) {
    Shape rows = shape;
    std::swap(rows[axis], rows[rows.size() - 1]);
    Tensor z = zeros(rows, float64);
    const std::int64_t n = rows[rows.size() - 1];
    for (std::int64_t begin = 0; begin < z.size(); begin += n) {
      const Row row = random_row(n);
      std::copy(row.begin(), row.end(), z.mutable_data<double>() + begin);
    }
    return cast(transpose(z, axis, -1), dtype);
  }
  std::int64_t random_k(std::int64_t n) {
    return std::max<std::int64_t>(1, one_of<std::int64_t>({1, 2, 3, 8, 31, 32, 33, 64, 127, 128, 129, 300,
                                                           integer(1, n + 1), n - 1, n, n + 3}));
  }
};

// Within `ulps` steps of rounding, in the result's dtype, of the larger of the expected number and 1.
void expect_ulps(const Tensor& actual, const Tensor& expected, double ulps) {
  expect_close(actual, expected, ulps * (actual.dtype() == float32 ? 0x1p-23 : 0x1p-52));
}

using Sparse = Tensor (*)(const Tensor&, std::int64_t, int);

// z on the CPU, and the same on the device.
struct Both {
  Tensor z, on_gpu;
};

// sparse_softmax and sparse_softmax_as_written: the same bits, so the same support, and the same bits in the
// gradient of sparse_softmax.
void expect_sparse(const Both& x, std::int64_t k, int axis) {
  const Tensor v = randn(x.z.shape(), x.z.dtype());
  const Device cpu = Device::cpu();
  expect_same(sparse_softmax(x.on_gpu, k, axis).to(cpu), sparse_softmax(x.z, k, axis));
  expect_same(sparse_softmax_as_written(x.on_gpu, k, axis).to(cpu), sparse_softmax_as_written(x.z, k, axis));
  const auto vjp_of = [&](Sparse f, const Tensor& z) {
    return gradient_of([&](const Tensor& z) { return f(z, k, axis); }, z, v.to(z.device())).to(cpu);
  };
  expect_same(vjp_of(sparse_softmax, x.on_gpu), vjp_of(sparse_softmax, x.z));
  // This one is composed of other ops, which add up in another order.
  const double terms = static_cast<double>(x.z.extent(axis));
  expect_ulps(vjp_of(sparse_softmax_as_written, x.on_gpu), vjp_of(sparse_softmax_as_written, x.z), 8 + terms);
  // On the CPU the exponentials are added up in the dtype one by one, with a rounding each time.
  expect_ulps(topk_softmax(x.on_gpu, k, axis).to(cpu), topk_softmax(cast(x.z, float64), k, axis),
              x.z.dtype() == float32 ? 4 : 4 + terms);
  for (const double alpha : {1.3, 1.5}) {
    SCOPED_TRACE(alpha);
    expect_ulps(entmax(x.on_gpu, alpha, k, axis).to(cpu), entmax(x.z, alpha, k, axis),
                x.z.dtype() == float32 ? 4 : 8 + terms);
  }
}

TEST_F(CudaRows, SparseSoftmaxIsThatOfTheCpu) {
  for (const std::int64_t n : lengths) {
    for (int turn = 0; turn < (n < 2000 ? 4 : 2); ++turn) {
      const std::int64_t k = random_k(n);
      const DType dtype = turn % 2 == 0 ? float32 : float64;
      SCOPED_TRACE(testing::Message() << "n = " << n << ", k = " << k << ", " << dtype << ", turn " << turn);
      const Tensor z = random_tensor({n < 2000 ? 5 : 2, n}, 1, dtype);
      expect_sparse({z, z.to(gpu)}, k, -1);
      if (HasFailure()) return;
    }
  }
}

void expect_softmax(const Both& x, int axis) {
  for (const auto f : {softmax, log_softmax}) {
    const Tensor y = f(x.on_gpu, axis).to(Device::cpu());
    expect_ulps(y, f(x.z, axis), 8);
    expect_same(f(x.on_gpu, axis).to(Device::cpu()), y);
  }
}

TEST_F(CudaRows, SoftmaxIsThatOfTheCpu) {
  for (const std::int64_t n : lengths) {
    for (const DType dtype : {float32, float64}) {
      SCOPED_TRACE(testing::Message() << "n = " << n << ", " << dtype);
      const Tensor z = random_tensor({6, n}, 1, dtype);
      expect_softmax({z, z.to(gpu)}, -1);
      if (HasFailure()) return;
    }
  }
}

TEST_F(CudaRows, AlongAnyAxis) {
  for (int round = 0; round < 40; ++round) {
    const Shape shape = this->shape(1, 5, 1500);
    const int axis = static_cast<int>(integer(0, shape.size() - 1));
    const std::int64_t k = random_k(shape[axis]);
    const DType dtype = this->dtype();
    SCOPED_TRACE(testing::Message() << shape << ", axis " << axis << ", k = " << k << ", " << dtype);
    const Tensor z = random_tensor(shape, axis, dtype);
    const Both x{z, z.to(gpu)};
    expect_sparse(x, k, axis);
    expect_softmax(x, axis);
    if (HasFailure()) return;
  }
}

// 500 elements tie for the largest, and one more has a probability that is tiny, 0, or would be below 0: the
// bounds that leave most of a row out must leave it in.
TEST_F(CudaRows, AnElementAtTau) {
  for (const double p : {1e-3, 1e-7, 1e-9, 1e-14, 0.0, -1e-14, -1e-7}) {
    for (const std::int64_t k : {500, 501, 600}) {
      Row z(600, -1);
      for (std::size_t i = 0; i < 500; ++i) z[i + 1] = 0;
      z[static_cast<std::size_t>(integer(0, 1)) * 599] = (p - 1. / 501) * 501 / 500;
      const Tensor x = row(z);
      expect_sparse({x, x.to(gpu)}, k, -1);
      const std::vector<double> values = sparse_softmax(x, k).to_vector();
      const std::int64_t size = std::count_if(values.begin(), values.end(), [](double v) { return v > 0; });
      if (p == 0) continue;  // the last bit of tau decides, on both devices alike
      EXPECT_EQ(size, p >= 1e-14 && k > 500 ? 501 : 500) << "p = " << p << ", k = " << k;
    }
  }
}

// More rows than a block has warps, and k as large as can be.
TEST_F(CudaRows, ManyShortRows) {
  for (const std::int64_t n : {1, 4, 7, 40}) {
    const Tensor z = random_tensor({integer(1, 300), n}, 1, float32);
    expect_sparse({z, z.to(gpu)}, std::numeric_limits<std::int64_t>::max(), -1);
  }
}

}  // namespace
}  // namespace taper::test
