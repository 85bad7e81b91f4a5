// Memory on the CUDA device: copies there and back, reuse, running out of it; and if there is no device, an
// error that says so.
#include "support/helpers.hpp"
#include <taper/cuda/device.hpp>
#include <taper/taper.hpp>

#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace taper::test {
namespace {

const Device cuda = Device::cuda();

TEST(NoDevice, EveryWayToOneSaysSo) {
  if (cuda::available()) GTEST_SKIP() << "there is a CUDA device";
  const auto wants_device = [](const std::string& op, const std::function<void()>& call) {
    expect_error(op, call, {"no CUDA device: ", cuda::description(), "stay on Device::cpu()"});
  };
  wants_device("zeros", [] { zeros({2}, cuda); });
  wants_device("to", [] { ones({2}).to(cuda); });
  wants_device("pool_stats", [] { pool_stats(cuda); });
  wants_device("release_cached_memory", [] { release_cached_memory(cuda); });
  expect_error("zeros", [] { zeros({2}, cuda); },
               {"no CUDA device"});  // again: the first error is not remembered
}

class DeviceMemory : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!cuda::available()) GTEST_SKIP() << cuda::description();
  }
};

// Copies to the device go through a ring of 32 slots of 256 KiB: less, more and much more than a slot, and
// than all.
TEST_F(DeviceMemory, ElementsComeBackAsTheyWere) {
  Generator generator(fresh_seed());
  for (const DType dtype : {float32, float64}) {
    for (const std::int64_t n : {0, 1, 31, 32768, 65537, 2 * 1024 * 1024 + 1, 5 * 1024 * 1024}) {
      const Tensor x = randn({n}, generator, dtype);
      const Tensor there = x.to(cuda);
      EXPECT_EQ(there.device(), cuda);
      expect_same(there.to(Device::cpu()), x);
      expect_same(there.clone().to(Device::cpu()), x);
    }
  }
}

TEST_F(DeviceMemory, TheHostMayOverwriteWhatItSent) {
  std::vector<Tensor> there;
  Tensor x = Tensor::uninitialized("test", {1000}, float32);
  for (int i = 0; i < 100; ++i) {
    std::fill_n(x.mutable_data<float>(), 1000, static_cast<float>(i));
    there.push_back(x.to(cuda));
  }
  for (int i = 0; i < 100; ++i) {
    expect_same(there[static_cast<std::size_t>(i)].to(Device::cpu()), full({1000}, i));
  }
}

TEST_F(DeviceMemory, FillsAndAdds) {
  for (const DType dtype : {float32, float64}) {
    for (const std::int64_t n : {0, 1, 257, 100000}) {
      const Tensor filled = full({n}, -1.5, {dtype, cuda});
      expect_same(filled.to(Device::cpu()), full({n}, -1.5, dtype));

      // Two gradients of one tensor are added up by core itself.
      Tensor x = full({n}, 0.1, {dtype, cuda}).requires_grad();
      Tape tape;
      for (int i = 0; i < 2; ++i) tape.backward(x, {.cotangent = filled});
      expect_same(x.grad().to(Device::cpu()), full({n}, -3, dtype));
    }
  }
}

TEST_F(DeviceMemory, IsReusedAndGivenBackWhenAsked) {
  release_cached_memory(cuda);
  EXPECT_EQ(pool_stats(cuda).cached_bytes, 0u);
  { const Tensor x = zeros({1000}, cuda); }
  const PoolStats first = pool_stats(cuda);
  EXPECT_GE(first.cached_bytes, 4000u);
  { const Tensor x = zeros({990}, cuda); }  // of the same size class
  EXPECT_EQ(pool_stats(cuda).system_allocations, first.system_allocations) << "the block came from the cache";
  EXPECT_EQ(pool_stats(cuda).cached_bytes, first.cached_bytes);

  const Tensor kept = ones({1000}, cuda);
  EXPECT_EQ(pool_stats(cuda).cached_bytes, 0u);
  { const Tensor other = zeros({1000}, cuda); }
  EXPECT_EQ(pool_stats(cuda).system_allocations, first.system_allocations + 1);
  release_cached_memory(cuda);
  EXPECT_EQ(pool_stats(cuda).cached_bytes, 0u);
  expect_same(kept.to(Device::cpu()), ones({1000}));
}

TEST_F(DeviceMemory, RunningOutOfItIsAnErrorThatOneCanGoOnFrom) {
  const Tensor before = ones({3}, cuda);
  for (const std::int64_t n : {std::int64_t{1} << 45, std::int64_t{1} << 58}) {
    expect_error("zeros", [n] { zeros({n}, cuda); },
                 {"out of device memory: asked for " + std::to_string(4 * n) + " bytes; ",
                  " are in use here, ", " are free"});
  }
  expect_same(before.to(Device::cpu()), ones({3}));
  expect_same(zeros({4}, cuda).to(Device::cpu()), zeros({4}));
}

// Several threads allocate, release each other's blocks, and copy.
TEST_F(DeviceMemory, ServesSeveralThreads) {
  std::vector<Tensor> made(8);
  const auto each = [](const auto& body) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back(body, i);
    for (std::thread& thread : threads) thread.join();
  };
  for (int round = 0; round < 10; ++round) {
    each([&](int i) { made[static_cast<std::size_t>(i)] = full({1 + 37 * i}, i, cuda); });
    each([&](int i) {
      Tensor& other = made[static_cast<std::size_t>((i + 1) % 8)];
      expect_same(other.to(Device::cpu()), full({other.size()}, (i + 1) % 8));
      other = Tensor();
    });
  }
}

// Released when the program ends, after main: that must not crash.
TEST_F(DeviceMemory, OutlivesMain) {
  static Tensor survivor;
  survivor = ones({5}, cuda);
  expect_same(survivor.to(Device::cpu()), ones({5}));
}

}  // namespace
}  // namespace taper::test
