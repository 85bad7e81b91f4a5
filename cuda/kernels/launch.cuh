// What every .cu file starts from: launching kernels, and what they find on the device.
#pragma once

#include "../../core/fail.hpp"
#include "../../core/host_device.hpp"
#include "../../core/tensor.hpp"
#include "../memory/cuda_stream.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <type_traits>
#include <utility>

#include <cuda_runtime.h>

namespace taper::cuda {

inline constexpr int warp_size = 32;
inline constexpr unsigned all_lanes = 0xffffffffu;  // the mask that every warp function here gets

// A grid of enough blocks for one thread an item, at least 1, up to the most that a grid has along x. A
// kernel that is launched this way runs `for (std::int64_t i = first_item(); i < n; i += item_stride())`,
// which is right for every grid.
inline unsigned blocks_for(std::int64_t items, int threads) {
  return static_cast<unsigned>(
      std::clamp<std::int64_t>((items + threads - 1) / threads, 1, std::int64_t{0x7fffffff}));
}
__device__ inline std::int64_t first_item() { return std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; }
__device__ inline std::int64_t item_stride() { return std::int64_t{gridDim.x} * blockDim.x; }

// Puts kernel(arguments…) on the stream: `blocks` blocks of `threads` threads, each block with `shared_bytes`
// of dynamic shared memory (up to 227 KB). Throws, naming op, if CUDA refuses. What goes wrong in the kernel
// shows in a later call.
template <class... Parameters, class... Arguments>
void launch(const char* op, void (*kernel)(Parameters...), dim3 blocks, dim3 threads,
            std::size_t shared_bytes, Arguments&&... arguments) {
  std::unique_lock<std::mutex> lock;
  if (shared_bytes > 48 * 1024) {
    static std::mutex mutex;  // the attribute is the kernel's, and another thread may launch it with less
    lock = std::unique_lock(mutex);
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shared_bytes)),
          op);
  }
  cudaLaunchConfig_t config{};
  config.gridDim = blocks;
  config.blockDim = threads;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream();
  check(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...), op);
}

// The block's dynamic shared memory, aligned to 16 bytes.
template <class T>
__device__ T* dynamic_shared() {
#ifdef __CUDACC__
  extern __shared__ __align__(16) unsigned char memory[];
#else
  unsigned char* memory = cuda_emulator::dynamic_shared;
#endif
  return reinterpret_cast<T*>(memory);
}

// The elements of a tensor on the device, for kernels, to read or to write: data() and mutable_data() there.
// Throws unless T is the dtype's type.
template <class T, class TensorType>
auto pointer(TensorType& x) {
  if (x.dtype() != dtype_of<T>) fail("pointer", "the dtype is ", x.dtype(), ", not ", dtype_of<T>);
  if constexpr (std::is_const_v<TensorType>) {
    return reinterpret_cast<const T*>(x.bytes());
  } else {
    return reinterpret_cast<T*>(x.mutable_bytes());
  }
}

}  // namespace taper::cuda
