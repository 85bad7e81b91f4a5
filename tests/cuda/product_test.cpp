// The CUDA device's matrix products, rotations and optimizer steps against the CPU's. A failure prints the
// seed; set the environment variable TAPER_SEED to it to repeat the run.
#include "cuda/fixture.hpp"
#include <taper/taper.hpp>

#include <cmath>

namespace taper::test {
namespace {

class CudaProduct : public CudaTest {
 protected:
  std::int64_t extent() { return one_of<std::int64_t>({0, 1, 2, 3, 8, 17, 33, 64, 100}); }
  // k terms of about 1 each.
  static double tolerance(DType dtype, std::int64_t k) {
    return (dtype == float32 ? 1e-6 : 1e-14) * (1 + static_cast<double>(k));
  }
};
class CudaUpdates : public CudaTest {};
class CudaRotary : public CudaTest {};

TEST_F(CudaProduct, BatchesOfMatricesTransposedOrNot) {
  for (int round = 0; round < 100; ++round) {
    const std::int64_t batch = one_of<std::int64_t>({0, 1, 2, 5}), m = extent(), n = extent(), k = extent();
    const bool ta = integer(0, 1) == 0, tb = integer(0, 1) == 0;
    const DType dtype = this->dtype();
    const Tensor a = randn(ta ? Shape{batch, k, m} : Shape{batch, m, k}, generator, dtype);
    const Tensor b = randn(tb ? Shape{batch, n, k} : Shape{batch, k, n}, generator, dtype);
    SCOPED_TRACE(printed(a.shape()) + (ta ? " transposed" : "") + " and " + printed(b.shape()) +
                 (tb ? " transposed" : ""));
    expect_close(bmm(a.to(gpu), b.to(gpu), ta, tb), bmm(a, b, ta, tb), tolerance(dtype, k));
  }
}

TEST_F(CudaProduct, AffineAddsTheBiasToEveryRow) {
  for (int round = 0; round < 60; ++round) {
    const std::int64_t m = extent(), n = extent(), k = extent();
    const DType dtype = this->dtype();
    const Tensor x = randn({m, k}, generator, dtype), w = randn({k, n}, generator, dtype);
    const Tensor bias = randn({n}, generator, dtype);
    SCOPED_TRACE(printed(x.shape()) + " and " + printed(w.shape()));
    expect_close(affine(x.to(gpu), w.to(gpu), bias.to(gpu)), affine(x, w, bias), tolerance(dtype, k));
  }
}

TEST_F(CudaProduct, Tf32IsOffUntilItIsAllowed) {
  const Tensor a = randn({64, 512}, generator), b = randn({512, 64}, generator);
  const Tensor exact = mm(a, b);
  expect_close(mm(a.to(gpu), b.to(gpu)), exact, 1e-4);
  cuda::allow_tf32(true);
  expect_close(mm(a.to(gpu), b.to(gpu)), exact, 0.3);
  cuda::allow_tf32(false);
  expect_close(mm(a.to(gpu), b.to(gpu)), exact, 1e-4);
}

TEST_F(CudaRotary, RotationsAndTheirAdjoints) {
  for (int round = 0; round < 60; ++round) {
    Shape shape = this->shape(2, 5, 10000);
    shape[shape.size() - 1] = one_of<std::int64_t>({0, 2, 4, 6, 8, 64});
    const DType dtype = this->dtype();
    const Tensor x = randn(shape, generator, dtype), dy = randn(shape, generator, dtype);
    const std::int64_t first = one_of<std::int64_t>({0, 1, 1000, -5, 1000000});
    const auto f = [&](const Tensor& z) { return rotary(z, first, 10000); };
    SCOPED_TRACE(printed(shape));
    // Sines and cosines may differ in the last digit of float64, before they are rounded.
    const double tolerance = dtype == float32 ? 1e-6 : 1e-9;
    expect_close(f(x.to(gpu)), f(x), tolerance);
    expect_close(gradient_of(f, x.to(gpu), dy.to(gpu)), gradient_of(f, x, dy), tolerance);
  }
}

// Sums, products, quotients and square roots round once on both, and neither fuses any: the same bits after
// many steps.
TEST_F(CudaUpdates, OptimizersTakeTheCpusSteps) {
  using optim::Optimizer;
  const auto check = [this](const std::function<std::unique_ptr<Optimizer>(std::vector<Tensor>)>& make) {
    for (const std::int64_t n : {0, 1, 3, 4, 5, 1024, 1027}) {
      for (const DType dtype : {float32, float64}) {
        Tensor here = randn({n}, generator, dtype), there = here.to(gpu).clone();
        here.requires_grad();
        there.requires_grad();
        const std::unique_ptr<Optimizer> cpu = make({here}), cuda = make({there});
        for (int step = 0; step < 5; ++step) {
          const Tensor factor = randn({n}, generator, dtype);
          for (auto& [parameter, optimizer, g] :
               {std::tuple(&here, cpu.get(), factor), std::tuple(&there, cuda.get(), factor.to(gpu))}) {
            optimizer->zero_grad();
            Tape tape;
            tape.backward(sum(*parameter * g));
            optimizer->step();
          }
        }
        expect_same(there, here);
      }
    }
  };
  check([](std::vector<Tensor> p) { return std::make_unique<optim::Adam>(std::move(p)); });
  check([](std::vector<Tensor> p) { return std::make_unique<optim::AdamW>(std::move(p)); });
  check([](std::vector<Tensor> p) { return std::make_unique<optim::Sgd>(std::move(p)); });
  check([](std::vector<Tensor> p) {
    return std::make_unique<optim::Sgd>(std::move(p), optim::SgdOptions{.momentum = 0.9});
  });
  check([](std::vector<Tensor> p) {
    return std::make_unique<optim::Sgd>(std::move(p), optim::SgdOptions{.momentum = 0.9, .nesterov = true});
  });
  check([](std::vector<Tensor> p) {
    return std::make_unique<optim::Sgd>(std::move(p), optim::SgdOptions{.weight_decay = 0.1});
  });
  check([](std::vector<Tensor> p) {
    return std::make_unique<optim::Sgd>(
        std::move(p), optim::SgdOptions{.momentum = 0.9, .nesterov = true, .weight_decay = 0.1});
  });
  check([](std::vector<Tensor> p) { return std::make_unique<optim::RmsProp>(std::move(p)); });
}

}  // namespace
}  // namespace taper::test
