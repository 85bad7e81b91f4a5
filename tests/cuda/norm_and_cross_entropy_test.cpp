// The CUDA device's kernels of layer_norm, rms_norm and cross_entropy against the CPU's, on random rows,
// other ones in each run. A failure prints the seed; set the environment variable TAPER_SEED to it to repeat
// the run.
#include "cuda/fixture.hpp"
#include <taper/taper.hpp>

#include <cmath>
#include <limits>

namespace taper::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
const double nan = std::numeric_limits<double>::quiet_NaN();

const std::vector<std::int64_t> lengths{1,    2,    3,    4,    31,   32,   33,   64,   100,
                                        128,  129,  256,  257,  512,  1000, 1024, 1025, 1028,
                                        2050, 2052, 4096, 4097, 8192, 8193, 8196, 20000};

class CudaNormAndCrossEntropy : public CudaTest {
 protected:
  Tensor to_gpu(const Tensor& x) const { return x.to(gpu); }
  Tensors to_gpu(const Tensors& all) const {
    Tensors result;
    for (const Tensor& x : all) result.push_back(x.to(gpu));
    return result;
  }
};

using Norm = std::function<Tensor(const Tensors&)>;
const std::vector<std::pair<Norm, int>> norms{
    // each with the number of its inputs
    {[](const Tensors& x) { return layer_norm(x[0], x[1], x[2]); }, 3},
    {[](const Tensors& x) { return rms_norm(x[0], x[1]); }, 2}};

TEST_F(CudaNormAndCrossEntropy, NormsAndTheirGradientsAreThoseOfTheCpu) {
  for (const std::int64_t n : lengths) {
    const DType dtype = this->dtype();
    const std::int64_t rows =
        n > 4097 ? one_of<std::int64_t>({1, 3, 5}) : one_of<std::int64_t>({1, 3, 5, 64, 65, 130});
    SCOPED_TRACE(testing::Message() << "(" << rows << ", " << n << "), " << dtype);
    Tensors inputs{randn({rows, n}, generator, dtype) + 3.0, randn({n}, generator, dtype),
                   randn({n}, generator, dtype)};
    const Tensor v = randn({rows, n}, generator, dtype);
    for (const auto& [norm, count] : norms) {
      inputs.resize(static_cast<std::size_t>(count));
      // A single element has variance 0, and u = 0 / sqrt(epsilon): its rounding is multiplied by 300.
      const double tolerance = (dtype == float32 ? 2e-6 : 1e-14) * (n == 1 ? 300 : 4);
      expect_close(norm(to_gpu(inputs)), norm(inputs), tolerance);
      const Tensors expected = gradients(norm, inputs, v),
                    actual = gradients(norm, to_gpu(inputs), v.to(gpu));
      for (std::size_t i = 0; i < expected.size(); ++i) {
        SCOPED_TRACE(testing::Message() << "gradient " << i);
        expect_close(actual[i], expected[i], tolerance * std::sqrt(static_cast<double>(rows)));
      }
    }
    if (HasFailure()) return;
  }
}

// Numbers around 1e6 have 0.06 between neighbours in float32; the mean must not be rounded to that.
TEST_F(CudaNormAndCrossEntropy, AMeanFarFromZeroIsExact) {
  const Tensor x = randn({4, 1000}, generator) + 1e6, gain = ones({1000}), bias = zeros({1000});
  const Tensor y = layer_norm(x.to(gpu), gain.to(gpu), bias.to(gpu));
  expect_close(y, layer_norm(cast(x, float64), cast(gain, float64), cast(bias, float64)), 2e-6);
}

TEST_F(CudaNormAndCrossEntropy, ANaNRowLeavesTheOthersAsTheyAre) {
  Tensor x = randn({3, 40}, generator);
  x.mutable_data<float>()[41] = static_cast<float>(nan);
  const Tensor gain = ones({40}), bias = zeros({40});
  expect_close(layer_norm(x.to(gpu), gain.to(gpu), bias.to(gpu)), layer_norm(x, gain, bias), 2e-6);
  expect_close(rms_norm(x.to(gpu), gain.to(gpu)), rms_norm(x, gain), 2e-6);
}

TEST_F(CudaNormAndCrossEntropy, NormsOfNothing) {
  for (const Shape& shape : {Shape{0, 5}, Shape{3, 0}, Shape{0}}) {
    const Shape of_row{shape[shape.size() - 1]};
    Tensors inputs{zeros(shape), zeros(of_row), zeros(of_row)};
    for (const auto& [norm, count] : norms) {
      inputs.resize(static_cast<std::size_t>(count));
      expect_same(norm(to_gpu(inputs)).to(Device::cpu()), norm(inputs));
      const Tensors expected = gradients(norm, inputs, zeros(shape)),
                    actual = gradients(norm, to_gpu(inputs), zeros(shape, gpu));
      for (std::size_t i = 0; i < expected.size(); ++i) expect_same(actual[i].to(Device::cpu()), expected[i]);
    }
  }
}

// Logits with some -inf, a label for each row and, now and then, rows that do not count, whatever they hold.
struct Classified {
  Tensor logits;
  Indices labels;
  CrossEntropyOptions options;
};

TEST_F(CudaNormAndCrossEntropy, CrossEntropyIsThatOfTheCpu) {
  for (const std::int64_t n : lengths) {
    const DType dtype = this->dtype();
    const std::int64_t rows = n < 100 ? one_of<std::int64_t>({1, 6, 4096, 5000}) : 7;
    const CrossEntropyOptions options{.label_smoothing = one_of<double>({0, 0, 0.1, 1}),
                                      .ignored_label = one_of<std::int64_t>({-100, 0})};
    const bool has_infinities = options.label_smoothing == 0 && integer(0, 1) == 0;
    SCOPED_TRACE(testing::Message() << "(" << rows << ", " << n << "), " << dtype << ", smoothing "
                                    << options.label_smoothing << ", ignored " << options.ignored_label);
    std::vector<double> logits = randn({rows, n}, generator, float64).to_vector();
    std::vector<std::int64_t> labels;
    for (std::int64_t row = 0; row < rows; ++row) {
      std::int64_t label = integer(0, n - 1);
      // The first row counts.
      if (row > 0 && integer(0, 3) == 0) label = options.ignored_label;
      if (row == 0 && label == options.ignored_label) label = n - 1;
      labels.push_back(label);
      for (std::int64_t j = 0; j < n; ++j) {
        double& z = logits[static_cast<std::size_t>(row * n + j)];
        if (has_infinities && j != label && integer(0, 3) == 0) z = -inf;
        if (label == options.ignored_label && integer(0, 9) == 0) z = nan;
      }
    }
    if (labels[0] == options.ignored_label) continue;  // n = 1: nothing counts
    const Tensor z = tensor(logits, {rows, n}, dtype);
    const auto f = [&](const Tensor& z) { return cross_entropy(z, Indices(labels), options); };
    const double tolerance = dtype == float32 ? 1e-6 : 1e-14;
    expect_close(f(z.to(gpu)), f(z), tolerance);
    const Tensor v = tensor(3, dtype);
    expect_close(gradient_of(f, z.to(gpu), v.to(gpu)), gradient_of(f, z, v), tolerance);
    if (HasFailure()) return;
  }
}

TEST_F(CudaNormAndCrossEntropy, CrossEntropyOfRowsThatHaveNoLossIsThatOfTheCpu) {
  for (const std::vector<double>& row :
       {std::vector<double>{1, nan, 2}, {1, inf, 2}, {-inf, -inf, -inf}, {-inf, 1, 2}}) {
    for (const double smoothing : {0.0, 0.25, 1.0}) {
      const Tensor z = concat({tensor(row, {1, 3}, float64), randn({2, 3}, generator, float64)});
      const auto f = [&](const Tensor& z) {
        return cross_entropy(z, {0, 1, 2}, {.label_smoothing = smoothing});
      };
      expect_close(f(z.to(gpu)), f(z));
      expect_close(gradient_of(f, z.to(gpu)), gradient_of(f, z));
    }
  }
}

}  // namespace
}  // namespace taper::test
