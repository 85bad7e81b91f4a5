// Does the emulator run kernels as CUDA does, and does it see the mistakes that it is there to see?
#include <taper/cuda/kernels/launch.cuh>
#include <taper/cuda/kernels/reduce_block.cuh>
#include <taper/taper.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <vector>

#include <cuda_pipeline.h>
#include <gtest/gtest.h>

namespace taper::cuda {
namespace {

// Device memory that holds n elements, and copies of it.
template <class T>
class Buffer {
 public:
  explicit Buffer(std::int64_t n) : n_(n) {
    check(cudaMalloc(reinterpret_cast<void**>(&data_), bytes()), "Buffer");
  }
  explicit Buffer(const std::vector<T>& values) : Buffer(static_cast<std::int64_t>(values.size())) {
    check(cudaMemcpyAsync(data_, values.data(), bytes(), cudaMemcpyHostToDevice, stream()), "Buffer");
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { cudaFree(data_); }

  T* data() const { return data_; }
  std::vector<T> values() const {
    std::vector<T> result(static_cast<std::size_t>(n_));
    check(cudaMemcpyAsync(result.data(), data_, bytes(), cudaMemcpyDeviceToHost, stream()), "values");
    return result;
  }

 private:
  std::size_t bytes() const { return static_cast<std::size_t>(n_) * sizeof(T); }
  std::int64_t n_;
  T* data_ = nullptr;
};

__global__ void write_indices(int* out, std::int64_t n) {
  for (std::int64_t i = first_item(); i < n; i += item_stride()) out[i] = static_cast<int>(i);
}

TEST(CudaEmulator, RunsEveryThreadOfEveryBlock) {
  const Buffer<int> out(1000);
  launch("test", write_indices, blocks_for(1000, 128), 128, 0, out.data(), 1000);
  std::vector<int> expected(1000);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(out.values(), expected);
}

__global__ void write_places(int* out) {
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  ++out[block * (blockDim.x * blockDim.y * blockDim.z) + thread];
}

TEST(CudaEmulator, HasThreeDimensions) {
  const Buffer<int> out(std::vector<int>(3 * 2 * 2 * 4 * 3 * 2));
  launch("test", write_places, dim3(3, 2, 2), dim3(4, 3, 2), 0, out.data());
  EXPECT_EQ(out.values(), std::vector<int>(3 * 2 * 2 * 4 * 3 * 2, 1));
}

__global__ void shuffles(int* out) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  int* own = out + 8 * threadIdx.x;
  own[0] = __shfl_sync(all_lanes, lane, 5);
  own[1] = __shfl_sync(all_lanes, lane, 3, 8);
  own[2] = __shfl_xor_sync(all_lanes, lane, 9);
  own[3] = __shfl_up_sync(all_lanes, lane, 2u, 16);
  own[4] = __shfl_down_sync(all_lanes, lane, 2u, 16);
  own[5] = static_cast<int>(__ballot_sync(all_lanes, lane % 3 == 0));
  own[6] = __any_sync(all_lanes, lane == 31) + 2 * __any_sync(all_lanes, lane == 32);
  own[7] = __all_sync(all_lanes, lane < 32) + 2 * __all_sync(all_lanes, lane < 31);
}

TEST(CudaEmulator, WarpFunctions) {
  const Buffer<int> out(64 * 8);
  launch("test", shuffles, 1, 64, 0, out.data());
  const std::vector<int> values = out.values();
  int thirds = 0;
  for (int lane = 0; lane < 32; lane += 3) thirds |= 1 << lane;
  for (int i = 0; i < 64; ++i) {
    const int lane = i % 32;
    const std::vector<int> expected = {5,
                                       lane / 8 * 8 + 3,
                                       lane ^ 9,
                                       lane % 16 < 2 ? lane : lane - 2,
                                       lane % 16 < 14 ? lane + 2 : lane,
                                       thirds,
                                       1,
                                       1};
    EXPECT_EQ(std::vector<int>(values.begin() + 8 * i, values.begin() + 8 * i + 8), expected)
        << "thread " << i;
  }
}

__global__ void sums(double* out, unsigned* count) {
  const double sum = reduce_block(static_cast<double>(threadIdx.x), 0.0, Sum());
  const float largest = reduce_block(static_cast<float>(threadIdx.x), -INFINITY, Max());
  const int even = __syncthreads_count(threadIdx.x % 2 == 0);
  const int any = __syncthreads_or(threadIdx.x == 7) + 2 * __syncthreads_or(threadIdx.x == 96);
  const int all = __syncthreads_and(threadIdx.x < 96) + 2 * __syncthreads_and(threadIdx.x != 7);
  atomicAdd(count, 1u);
  double* own = out + 4 * (blockIdx.x * blockDim.x + threadIdx.x);
  own[0] = sum;
  own[1] = static_cast<double>(largest);
  own[2] = even;
  own[3] = any + 4 * all;
}

TEST(CudaEmulator, BlocksReduceAndCount) {
  const Buffer<double> out(3 * 96 * 4);
  const Buffer<unsigned> count(std::vector<unsigned>{0});
  launch("test", sums, 3, 96, 0, out.data(), count.data());
  EXPECT_EQ(count.values()[0], 3u * 96);
  const std::vector<double> values = out.values();
  for (std::size_t i = 0; i < values.size(); i += 4) {
    EXPECT_EQ(std::vector<double>(&values[i], &values[i] + 4),
              (std::vector<double>{95 * 96 / 2, 95, 48, 1 + 4}));
  }
}

// y = x reversed, block by block, through shared memory; without its barrier it is wrong.
template <bool barrier>
__global__ void reverse(const float* x, float* y) {
  float* tile = dynamic_shared<float>();
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  tile[threadIdx.x] = x[i];
  if (barrier) __syncthreads();
  y[i] = tile[blockDim.x - 1 - threadIdx.x];
}

TEST(CudaEmulator, AMissingBarrierShows) {
  std::vector<float> x(1024), reversed(1024);
  for (int i = 0; i < 1024; ++i) {
    x[static_cast<std::size_t>(i)] = static_cast<float>(i);
    reversed[static_cast<std::size_t>(i / 256 * 256 + 255 - i % 256)] = static_cast<float>(i);
  }
  const Buffer<float> in(x), out(1024);
  launch("test", reverse<true>, 4, 256, 256 * sizeof(float), in.data(), out.data());
  EXPECT_EQ(out.values(), reversed);
  launch("test", reverse<false>, 4, 256, 256 * sizeof(float), in.data(), out.data());
  EXPECT_NE(out.values(), reversed);
}

// How many threads ran before each.
__global__ void count_earlier(int* out, int* count) { out[first_item()] = atomicAdd(count, 1); }

TEST(CudaEmulator, ThreadsAndBlocksRunInNoOrder) {
  for (const int threads : {64, 1}) {
    const Buffer<int> out(64), count(std::vector<int>{0});
    launch("test", count_earlier, 64 / threads, threads, 0, out.data(), count.data());
    std::vector<int> values = out.values();
    EXPECT_FALSE(std::is_sorted(values.begin(), values.end()));
    std::sort(values.begin(), values.end());
    for (int i = 0; i < 64; ++i) EXPECT_EQ(values[static_cast<std::size_t>(i)], i);
  }
}

template <class T>
__global__ void read_shared(T* out) {
  __shared__ T tile[2][600];
  out[first_item()] = tile[1][threadIdx.x];
  __syncthreads();
  tile[1][threadIdx.x] = 1;
}

__global__ void read_dynamic(float* out) {
  float* tile = dynamic_shared<float>();
  out[first_item()] = tile[threadIdx.x];
  __syncthreads();
  tile[threadIdx.x] = 1;
}

TEST(CudaEmulator, SharedMemoryStartsAsNaN) {
  const Buffer<float> out(64);
  const Buffer<double> wide(64);
  launch("test", read_shared<float>, 2, 32, 0, out.data());
  launch("test", read_shared<double>, 2, 32, 0, wide.data());
  for (const float x : out.values()) EXPECT_TRUE(std::isnan(x));
  for (const double x : wide.values()) EXPECT_TRUE(std::isnan(x));
  launch("test", read_dynamic, 2, 32, 32 * sizeof(float), out.data());
  for (const float x : out.values()) EXPECT_TRUE(std::isnan(x));
}

TEST(CudaEmulator, NewMemoryHoldsNaN) {
  for (const double x : Buffer<double>(100).values()) EXPECT_TRUE(std::isnan(x));
  for (const int x : Buffer<int>(100).values()) EXPECT_EQ(x, -1);
}

template <bool wait>
__global__ void copy_through_shared(const float4* x, float4* y) {
  __shared__ float4 tile[32];
  __pipeline_memcpy_async(&tile[threadIdx.x], &x[threadIdx.x], sizeof(float4));
  __pipeline_commit();
  if (wait) __pipeline_wait_prior(0);
  __syncthreads();
  y[threadIdx.x] = tile[threadIdx.x];
}

TEST(CudaEmulator, AsynchronousCopiesHappenWhenTheyAreWaitedFor) {
  const Buffer<float> in(std::vector<float>(128, 2)), out(128);
  const auto run = [&](auto kernel) {
    launch("test", kernel, 1, 32, 0, reinterpret_cast<const float4*>(in.data()),
           reinterpret_cast<float4*>(out.data()));
    return out.values();
  };
  EXPECT_EQ(run(copy_through_shared<true>), std::vector<float>(128, 2));
  EXPECT_TRUE(std::isnan(run(copy_through_shared<false>)[0]));
}

__global__ void divergent_barrier(int) {
  if (threadIdx.x < 40) __syncthreads();
}
__global__ void two_barriers(int) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}
__global__ void missing_lanes(int) {
  if (threadIdx.x != 3) __syncwarp();
}
__global__ void partial_mask(int) { __shfl_sync(0xffffu, 1, 0); }
__global__ void write_behind(int n) { dynamic_shared<int>()[n] = 1; }
__global__ void write_to(int* where) { *where = 1; }

using CudaEmulatorDeathTest = ::testing::Test;

TEST(CudaEmulatorDeathTest, EndsTheProgramWhereThreadsStayAway) {
  const auto run = [](auto kernel, int threads) { launch("test", kernel, 1, threads, 0, 0); };
  EXPECT_DEATH(run(divergent_barrier, 64),
               "divergent_barrier.*block \\(0, 0, 0\\).*waits in vain at __syncthreads");
  EXPECT_DEATH(run(two_barriers, 64), "two_barriers.*different places");
  EXPECT_DEATH(run(missing_lanes, 64), "waits in vain at __syncwarp .* of its warp");
  EXPECT_DEATH(run(partial_mask, 64), "mask of fewer than 32 lanes");
  EXPECT_DEATH(run(missing_lanes, 48), "warp of 16 threads");
}

TEST(CudaEmulatorDeathTest, EndsTheProgramWhereMemoryIsNotOnes) {
  EXPECT_DEATH(launch("test", write_behind, 1, 1, 16, 4), "behind its 16 bytes|use-after-poison");
  int on_host = 0;
  EXPECT_DEATH(launch("test", write_to, 1, 1, 0, &on_host),
               "parameter 0 of .*write_to.* is no device memory");
  const Buffer<int> on_device(1);
  const Buffer<int> large(1 << 20);  // which may be touched, and does not open the others
  launch("test", write_indices, 1, 32, 0, large.data(), 1 << 20);
  EXPECT_DEATH(*on_device.data() = 1, "host code touches device memory");
}

TEST(CudaEmulator, RefusesWhatCudaRefuses) {
  const auto run = [](dim3 blocks, dim3 threads, std::size_t shared) {
    launch("name", divergent_barrier, blocks, threads, shared, 0);
  };
  EXPECT_THROW(run(0, 32, 0), Error);
  EXPECT_THROW(run(1, 1025, 0), Error);
  EXPECT_THROW(run(dim3(1, 65536), 32, 0), Error);
  EXPECT_THROW(run(1, 32, 228 * 1024), Error);
  EXPECT_NO_THROW(run(1, 32, 227 * 1024));

  cudaLaunchConfig_t config{};
  config.dynamicSmemBytes = 48 * 1024 + 1;
  EXPECT_EQ(cudaLaunchKernelEx(&config, partial_mask, 0), cudaErrorInvalidValue) << "nobody asked for more";
}

// The pool of device memory gives back what it keeps before it gives up.
TEST(CudaEmulator, AFullDevice) {
  const Device device = Device::cuda();
  release_cached_memory(device);
  setenv("TAPER_EMULATOR_MEMORY", "1000000", 1);
  { const Tensor x = zeros({150'000}, device); }
  const PoolStats before = pool_stats(device);
  EXPECT_GE(before.cached_bytes, 600'000u);
  {
    const Tensor x = zeros({200'000}, device);
    EXPECT_EQ(pool_stats(device).cached_bytes, 0u);
    EXPECT_EQ(pool_stats(device).system_allocations, before.system_allocations + 1);
    try {
      zeros({100'000}, device);
      ADD_FAILURE() << "800 KB of 1 MB are in use";
    } catch (const Error& error) {
      EXPECT_STREQ(
          error.what(),
          "[zeros] out of device memory: asked for 400000 bytes; 917504 are in use here, 82496 of the "
          "device's 1000000 are free");
    }
    EXPECT_EQ(x.to(Device::cpu()).to_vector(), std::vector<double>(200'000));
  }
  unsetenv("TAPER_EMULATOR_MEMORY");
  EXPECT_EQ(zeros({100'000}, device).size(), 100'000);
}

}  // namespace
}  // namespace taper::cuda
