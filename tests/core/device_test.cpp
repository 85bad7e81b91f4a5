// Tensors on a device, as a user of the library meets them. What needs a CUDA device is skipped without one.
#include "support/helpers.hpp"
#include "support/on_cuda.hpp"
#include <taper/ops/kernels/elementwise/elementwise.hpp>
#include <taper/taper.hpp>

#include <cmath>
#include <limits>
#include <sstream>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

const Device gpu = Device::cuda();

TEST(Device, IsNamed) {
  EXPECT_EQ(printed(Device::cpu()), "cpu");
  EXPECT_EQ(printed(Device::cuda()), "cuda");
  EXPECT_EQ(printed(Kind(float64)), "float64");
  EXPECT_EQ(printed(Kind(Device::cuda())), "float32 on cuda");
}

TEST(Device, IsTheCpuUnlessOneIsNamed) {
  EXPECT_EQ(zeros({2}).device(), Device::cpu());
  EXPECT_EQ(zeros({2}).kind(), Kind(float32));
  EXPECT_EQ(zeros({2}, float64).kind(), Kind(float64, Device::cpu()));
}

TEST(Device, ToTheSameDeviceIsTheTensorItself) {
  const Tensor x = ones({2});
  EXPECT_EQ(&x.to(Device::cpu()).impl(), &x.impl());
}

TEST(Device, SaysThatThereIsNone) {
  if (cuda::available()) GTEST_SKIP() << "there is a CUDA device";
  expect_error("zeros", [] { zeros({2}, gpu); }, {"no CUDA device"});
  expect_error("randn", [] { randn({2}, gpu); }, {"no CUDA device"});
  Tensor x = ones({2});
  expect_error("to", [&] { x.to(gpu); }, {"no CUDA device"});
  expect_error("move_to", [&] { x.move_to(gpu); }, {"no CUDA device"});
  expect_values(x, {1, 1});  // and goes on
}

TEST_F(OnCuda, GoingThereAndBackKeepsTheBits) {
  Generator generator(fresh_seed());
  for (const DType dtype : {float32, float64}) {
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{1}, Shape{3, 5}, Shape{1000, 1031}}) {
      const Tensor x = randn(shape, generator, dtype);
      const Tensor there = x.to(gpu);
      EXPECT_EQ(there.kind(), Kind(dtype, gpu));
      expect_same(there.to(Device::cpu()), x);
      expect_same(there.clone().to(Device::cpu()), x);
      EXPECT_EQ(there.clone().device(), gpu);
    }
  }
}

TEST_F(OnCuda, FactoriesMakeTheSameElements) {
  Generator here(7), there(7);
  expect_same(randn({3, 4}, there, gpu), randn({3, 4}, here));
  expect_same(uniform({5}, -1, 2, there, {float64, gpu}), uniform({5}, -1, 2, here, float64));
  EXPECT_EQ(there.bits(), here.bits());
  expect_same(zeros({3}, gpu), zeros({3}));
  expect_same(ones({3}, {float64, gpu}), ones({3}, float64));
  expect_same(full({2, 2}, -0.3, gpu), full({2, 2}, -0.3));
  expect_same(arange(2, 9, 2, gpu), arange(2, 9, 2));
  expect_same(tensor({{1, 2}, {3, 4}}, gpu), tensor({{1, 2}, {3, 4}}));
  EXPECT_EQ(zeros({0}, gpu).size(), 0);
}

TEST_F(OnCuda, ValuesAreReadWithoutMovingTheTensor) {
  const Tensor x = tensor({{1, 2}, {3, 4}}, gpu);
  EXPECT_EQ(x.to_vector(), (std::vector<double>{1, 2, 3, 4}));
  EXPECT_EQ(sum(x).item(), 10);
  EXPECT_EQ(printed(x), printed(x.to(Device::cpu())));
  EXPECT_EQ(x.view({4}).to_vector(), x.to_vector());
}

TEST_F(OnCuda, HostCodeCantFollowItsPointer) {
  Tensor x = ones({2, 3}, gpu);
  expect_error("data", [&] { x.data<float>(); }, {"cuda", "(2, 3)", "to(Device::cpu())"});
  expect_error("data", [&] { x.mutable_data<float>(); }, {"cuda"});
  expect_error("data", [&] { x.data<double>(); }, {"float64", "float32"});
}

TEST_F(OnCuda, MixingDevicesNamesBoth) {
  const Tensor here = ones({2, 2}), there = ones({2, 2}, gpu);
  expect_error("add", [&] { here + there; }, {"devices", "cpu", "cuda"});
  expect_error("bmm", [&] { bmm(ones({1, 2, 2}, gpu), ones({1, 2, 2})); }, {"devices", "cpu", "cuda"});
  expect_error("where", [&] { where(here, there, there); }, {"devices", "cpu", "cuda"});
  expect_error("sparse_attention",
               [&] {
                 sparse_attention(ones({1, 2, 2}, gpu), ones({1, 2, 2}, gpu), ones({1, 2, 2}), 1);
               },
               {"devices", "cpu", "cuda"});
  expect_error("sparse_attention",
               [&] {
                 const Tensor x = ones({1, 2, 2}, gpu);
                 sparse_attention(x, x, x, 1, {.mask = ones({2, 2})});
               },
               {"mask", "cpu", "cuda"});
  expect_error("mean_squared_error", [&] { nn::mean_squared_error(here, there); },
               {"devices", "cpu", "cuda"});
  Tensor x = ones({2}, gpu).requires_grad();
  Tape tape;
  const Tensor y = x * 2.0;
  expect_error("backward", [&] { tape.backward(y, {.cotangent = ones({2})}); }, {"cotangent", "on cuda"});
}

TEST_F(OnCuda, TheWayThereAndBackIsDifferentiated) {
  Tensor x = row({1, 2, 3}).requires_grad();
  Tape tape;
  const Tensor y = sum(square(x.to(gpu)).to(Device::cpu()) * row({1, 10, 100}));
  EXPECT_EQ(y.device(), Device::cpu());
  tape.backward(y);
  EXPECT_EQ(x.grad().device(), Device::cpu());
  expect_values(x.grad(), {2, 40, 600});
}

TEST_F(OnCuda, GradientsLieWhereTheirTensorsLie) {
  Tensor x = tensor({1, 2}, {float64, gpu}).requires_grad();
  Tape tape;
  const Tensor y = sum(x * x + x);  // two contributions to x
  tape.backward(y, {.keep_graph = true});
  EXPECT_EQ(x.grad().kind(), Kind(float64, gpu));
  expect_values(x.grad(), {3, 5});
  tape.backward(y);  // adds
  expect_values(x.grad(), {6, 10});
  Tensor unused = ones({3}, gpu).requires_grad();
  Tape other;
  expect_same(other.gradient(sum(x), {unused})[0], zeros({3}));
}

TEST_F(OnCuda, MovingTakesTheGradientAlong) {
  Tensor x = row({1, 2}).requires_grad();
  const Tensor same_tensor = x;
  {
    Tape tape;
    tape.backward(sum(square(x)));
  }
  x.move_to(gpu);
  EXPECT_EQ(same_tensor.device(), gpu);
  EXPECT_EQ(x.grad().device(), gpu);
  EXPECT_TRUE(x.wants_grad());
  expect_values(x.grad(), {2, 4});
  {
    Tape tape;
    tape.backward(sum(square(x)));
  }
  expect_values(x.grad(), {4, 8});
  x.move_to(Device::cpu());
  EXPECT_EQ(x.data<double>()[1], 2);
  expect_values(x.grad(), {4, 8});
}

TEST_F(OnCuda, OnlyALeafWithMemoryOfItsOwnMoves) {
  Tensor x = ones({2}).requires_grad();
  Tape tape;
  Tensor y = x * 2.0, part = x.view({1, 2});
  expect_error("move_to", [&] { y.move_to(gpu); }, {"leaf", "(2,)"});
  expect_error("move_to", [&] { part.move_to(gpu); }, {"view", "(1, 2)"});
}

TEST_F(OnCuda, AFunctionOfOnesOwnRunsOnTheCpuOnly) {
  const auto f = [](auto v) { return v + 1; };
  expect_values(kernels::map("mine", ones({2}), f), {2, 2});
  expect_error("mine", [&] { kernels::map("mine", ones({2}, gpu), f); }, {"cuda", "Functions"});
}

TEST_F(OnCuda, IndicesAreSharedByBothDevices) {
  const Indices indices{2, 0, -1};
  const Tensor x = tensor({1, 2, 3});
  expect_same(gather(x.to(gpu), indices), gather(x, indices));
  expect_same(gather(x.to(gpu), indices), gather(x, indices));  // again, from the copy
}

TEST_F(OnCuda, FilesHoldWhatTheDeviceHolds) {
  const Tensor x = tensor({{1, 2}, {3, 4}});
  const std::string folder = testing::TempDir() + "/taper_device_test";
  save_npy(folder + ".npy", x.to(gpu));
  expect_same(load_npy(folder + ".npy"), x);
  save_safetensors(folder + ".safetensors", {{{"x", x.to(gpu)}}, {}});
  expect_same(load_safetensors(folder + ".safetensors").tensors.at("x"), x);
}

TEST_F(OnCuda, TheDocumentedAttentionExampleGivesTheCpusNumbers) {
  Generator generator(0);
  const Tensor queries = randn({2, 3, 5}, generator), keys = randn({2, 3, 5}, generator),
               values = randn({2, 3, 5}, generator);
  for (const auto method : {nn::AttentionMethod::fused, nn::AttentionMethod::composed}) {
    const nn::SparseAttention attention(2, {.method = method});
    expect_close(attention(queries.to(gpu), keys.to(gpu), values.to(gpu)), attention(queries, keys, values),
                 1e-6);
  }
}

}  // namespace
}  // namespace taper::test
