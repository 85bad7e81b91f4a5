// The CUDA device's convolution and pooling against the CPU's, at sizes around a block's tile. A failure
// prints the seed; set the environment variable TAPER_SEED to it to repeat the run.
#include "cuda/fixture.hpp"
#include <taper/taper.hpp>

namespace taper::test {
namespace {

class CudaConvolution : public CudaTest {
 protected:
  Size2d pair(std::int64_t low, std::int64_t high) { return {integer(low, high), integer(low, high)}; }

  // f and its gradients on both devices.
  void compare(const std::function<Tensor(const Tensors&)>& f, const Tensors& inputs, double tolerance) {
    const Tensor y = f(inputs), dy = randn(y.shape(), generator, y.dtype());
    Tensors there;
    for (const Tensor& input : inputs) there.push_back(input.to(gpu));
    expect_close(f(there), y, tolerance);
    const Tensors expected = gradients(f, inputs, dy), found = gradients(f, there, dy.to(gpu));
    for (std::size_t i = 0; i < inputs.size(); ++i) expect_close(found[i], expected[i], tolerance);
  }
};

TEST_F(CudaConvolution, ConvolutionAndItsGradients) {
  for (int round = 0; round < 12; ++round) {
    const std::int64_t groups = integer(1, 3), inputs = integer(1, 5);
    const std::int64_t outputs = one_of<std::int64_t>({1, 3, 64, 65});
    const Size2d size = pair(1, 4);
    const Conv2dOptions options{pair(1, 3), pair(0, 2), pair(1, 2), groups};
    const std::int64_t batch = integer(1, 3), height = integer(7, 16), width = integer(7, 16);
    const DType dtype = this->dtype();
    const Tensor x = randn({batch, groups * inputs, height, width}, generator, dtype);
    const Tensor weight = randn({groups * outputs, inputs, size.height, size.width}, generator, dtype);
    const Tensor bias = randn({groups * outputs}, generator, dtype);
    SCOPED_TRACE(printed(x.shape()) + " and " + printed(weight.shape()));
    const auto f = [&](const Tensors& t) { return conv2d(t[0], t[1], t[2], options); };
    compare(f, {x, weight, bias}, dtype == float32 ? 2e-4 : 1e-12);
  }
}

TEST_F(CudaConvolution, PoolingAndItsGradients) {
  for (int round = 0; round < 40; ++round) {
    const Size2d size = pair(1, 4);
    const Pool2dOptions options{pair(1, 4), {integer(0, size.height / 2), integer(0, size.width / 2)}};
    const DType dtype = this->dtype();
    Tensor x = randn({integer(1, 3), integer(4, 20), integer(4, 20)}, generator, dtype);
    if (round % 2 == 0) x = Tensor(x > 0);  // ties
    SCOPED_TRACE(printed(x.shape()) + ", windows " + printed(size));
    compare([&](const Tensors& t) { return max_pool2d(t[0], size, options); }, {x}, 1e-5);
    compare([&](const Tensors& t) { return avg_pool2d(t[0], size, options); }, {x}, 1e-5);
  }
}

}  // namespace
}  // namespace taper::test
