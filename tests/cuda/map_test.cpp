// The CUDA device's elementwise kernels against the CPU's, on random shapes that broadcast. A failure prints
// the seed; set the environment variable TAPER_SEED to it to repeat the run.
#include "cuda/fixture.hpp"
#include <taper/ops/kernels/backend.hpp>
#include <taper/ops/kernels/elementwise/functions.hpp>
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper::test {
namespace {

class CudaMap : public CudaTest {
 protected:
  // Normal numbers, and the edges among them.
  Tensor random_tensor(const Shape& shape, DType dtype) {
    constexpr double inf = std::numeric_limits<double>::infinity();
    std::vector<double> values = randn(shape, generator, dtype).to_vector();
    for (double& value : values) {
      if (integer(0, 9) == 0)
        value = one_of<double>({0.0, -0.0, inf, -inf, std::nan(""), 1.0, -1.0, 1e-30, 40.0, -40.0});
    }
    return tensor(values, shape, dtype);
  }
  // The shape with some axes of extent 1, perhaps without the first ones.
  Shape smaller(const Shape& shape) {
    const int dropped = static_cast<int>(integer(0, 3) == 0 ? integer(0, shape.size()) : 0);
    Shape result(shape.data() + dropped, shape.size() - dropped);
    const bool scalar = integer(0, 7) == 0;
    for (std::int64_t& extent : result) extent = scalar || integer(0, 2) == 0 ? 1 : extent;
    return result;
  }
};

using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Tensor&, const Tensor&);
using Comparison = Mask (*)(const Tensor&, const Tensor&);

TEST_F(CudaMap, FunctionsOfOneElement) {
  const std::vector<std::pair<Unary, double>> functions{
      {abs, 0},    {neg, 0},      {relu, 0},       {sqrt, 0},        {square, 0},         {exp, 1e-6},
      {log, 1e-6}, {tanh, 1e-6},  {sigmoid, 1e-6}, {gelu, 2e-6},     {sin, 1e-6},         {cos, 1e-6},
      {erf, 1e-6}, {log1p, 1e-6}, {expm1, 1e-6},   {softplus, 1e-6}, {log_sigmoid, 1e-6}, {silu, 1e-6}};
  for (int round = 0; round < 90; ++round) {
    const DType dtype = this->dtype();
    const Tensor x = random_tensor(shape(0, 7, 6000), dtype);
    const auto& [f, tolerance] = functions[static_cast<std::size_t>(round) % functions.size()];
    const Tensor y = f(x.to(gpu));
    EXPECT_EQ(y.kind(), Kind(dtype, gpu));
    expect_close(y, f(x), dtype == float32 ? tolerance : std::min(tolerance, 1e-14));
  }
}

// Sums, differences, products and quotients round once: the same bits.
TEST_F(CudaMap, FunctionsOfTwoElementsThatBroadcast) {
  const std::vector<Binary> functions{add, sub, mul, div, maximum, minimum};
  for (int round = 0; round < 150; ++round) {
    const Shape common = shape(0, 7, 6000);
    const DType dtype = this->dtype();
    Tensor x = random_tensor(integer(0, 1) == 0 ? common : smaller(common), dtype);
    Tensor y = random_tensor(integer(0, 1) == 0 ? common : smaller(common), dtype);
    const Binary f = one_of(functions);
    SCOPED_TRACE(printed(x.shape()) + " and " + printed(y.shape()));
    expect_close(f(x.to(gpu), y.to(gpu)), f(x, y), 0);
  }
}

TEST_F(CudaMap, PowersAndChoices) {
  for (int round = 0; round < 60; ++round) {
    const Shape common = shape(0, 7, 4000);
    const DType dtype = this->dtype();
    const Tensor x = random_tensor(smaller(common), dtype), y = random_tensor(smaller(common), dtype);
    const Tensor z = random_tensor(common, dtype);
    expect_close(pow(abs(x.to(gpu)), y.to(gpu)), pow(abs(x), y), dtype == float32 ? 2e-6 : 1e-13);
    expect_same(where(relu(x.to(gpu)), y.to(gpu), z.to(gpu)), where(relu(x), y, z));
    expect_same(broadcast_to(x.to(gpu), common), broadcast_to(x, common));
    expect_same(clamp(z.to(gpu), -0.5, 1), clamp(z, -0.5, 1));
    expect_close(leaky_relu(z.to(gpu), 0.1), leaky_relu(z, 0.1), 0);
    expect_close(elu(z.to(gpu), 1.5), elu(z, 1.5), dtype == float32 ? 1e-6 : 1e-14);
  }
}

TEST_F(CudaMap, Comparisons) {
  const std::vector<Comparison> functions{equal, not_equal, less, less_equal, greater, greater_equal};
  for (int round = 0; round < 30; ++round) {
    const Shape common = shape(0, 7, 4000);
    const DType dtype = this->dtype();
    const Tensor x = random_tensor(smaller(common), dtype), y = random_tensor(common, dtype);
    for (const Comparison compare : functions) expect_same(compare(x.to(gpu), y.to(gpu)), compare(x, y));
    expect_same(y.to(gpu) < 1.0, y < 1.0);
  }
}

// Sizes around a pack, a block, and what a block takes.
TEST_F(CudaMap, EverySizeOfOneLoop) {
  for (const std::int64_t n :
       {0, 1, 2, 3, 4, 5, 7, 8, 255, 256, 257, 1023, 1024, 1025, 2047, 2048, 2049, 4096, 4099}) {
    for (const DType dtype : {float32, float64}) {
      const Tensor x = random_tensor({n}, dtype), y = random_tensor({n}, dtype),
                   one = random_tensor({}, dtype);
      expect_close(x.to(gpu) * y.to(gpu), x * y, 0);
      expect_close(one.to(gpu) - y.to(gpu), one - y, 0);
      expect_close(cast(x.to(gpu), float32), cast(x, float32), 0);
      expect_close(cast(x.to(gpu), float64), cast(x, float64), 0);
    }
  }
}

// More loops than a kernel takes: the outermost ones are walked by the host.
TEST_F(CudaMap, ManyAxesThatAlternate) {
  Shape x_shape = Shape::filled(11, 1), y_shape = Shape::filled(11, 1);
  for (int axis = 0; axis < 11; ++axis) (axis % 2 == 0 ? x_shape : y_shape)[axis] = 2;
  const Tensor x = random_tensor(x_shape, float32), y = random_tensor(y_shape, float32);
  expect_close(x.to(gpu) + y.to(gpu), x + y, 0);
}

// A result may take the place of an operand: each element is read before it is written.
TEST_F(CudaMap, InPlace) {
  for (const std::int64_t n : {1, 5, 1024, 5000}) {
    const Tensor x = random_tensor({n}, float32);
    Tensor y = x.to(gpu);
    const Tensor factor = tensor(3, gpu);
    const kernels::MapCall call{kernels::Functions::index_of<kernels::functions::Multiply>(),
                                2,
                                {&y, &factor},
                                {n},
                                {Shape{1}, Shape{0}}};
    kernels::backend_of(y)->map(call, y);
    expect_close(y, x * 3, 0);
  }
}

}  // namespace
}  // namespace taper::test
