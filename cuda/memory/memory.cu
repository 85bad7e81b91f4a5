// The pool of device memory, and how the rest of the library finds it and the kernels.
#include "../../core/fail.hpp"
#include "../device.hpp"
#include "../kernels/cuda_backend.hpp"
#include "../kernels/launch.cuh"
#include "cuda_memory.hpp"

#include <limits>

namespace taper {
namespace cuda {
namespace {

// The emulator of cuda/emulator is told which bytes may be touched: it sees accesses beyond what was asked
// for, and fills each block with NaN.
#ifdef __CUDACC__
void hand_out(void*, std::size_t, std::size_t) {}
void take_back(void*, std::size_t) {}
#else
using cuda_emulator::hand_out;
using cuda_emulator::take_back;
#endif

constexpr std::size_t largest_request =
    std::numeric_limits<std::size_t>::max() / 4;  // a class is not too large to count

}  // namespace

void* CudaMemory::allocate(const char* op, std::size_t bytes) const {
  if (bytes == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  if (bytes > largest_request) fail_out_of_memory(op, bytes);
  const internal::SizeClass size = internal::size_class(bytes);
  std::vector<void*>& free = classes_[static_cast<std::size_t>(size.index)].free;
  void* block;
  if (!free.empty()) {
    block = free.back();
    free.pop_back();
    stats_.cached_bytes -= size.bytes;
  } else {
    block = make_block(op, size);
    if (!block) {
      free_cached_blocks();
      block = make_block(op, size);
    }
    if (!block) fail_out_of_memory(op, bytes);
  }
  stats_.bytes_in_use += size.bytes;
  hand_out(block, bytes, size.bytes);
  return block;
}

void CudaMemory::release(void* block, std::size_t bytes) const noexcept {
  if (!block) return;
  const internal::SizeClass size = internal::size_class(bytes);
  take_back(block, size.bytes);
  const std::lock_guard lock(mutex_);
  classes_[static_cast<std::size_t>(size.index)].free.push_back(block);
  stats_.cached_bytes += size.bytes;
  stats_.bytes_in_use -= size.bytes;
}

PoolStats CudaMemory::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void CudaMemory::release_cached() const {
  const std::lock_guard lock(mutex_);
  free_cached_blocks();
}

void* CudaMemory::make_block(const char* op, internal::SizeClass size) const {
  Class& of_size = classes_[static_cast<std::size_t>(size.index)];
  of_size.free.reserve(of_size.blocks + 1);  // so that release() need not allocate
  void* block = nullptr;
  const cudaError_t error = cudaMalloc(&block, size.bytes);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  check(error, op);
  ++of_size.blocks;
  ++stats_.system_allocations;
  return block;
}

// Work that has not run yet may still use them.
void CudaMemory::free_cached_blocks() const {
  check(cudaStreamSynchronize(stream()), "release_cached_memory");
  for (Class& of_size : classes_) {
    while (!of_size.free.empty()) {
      void* const block = of_size.free.back();
      of_size.free.pop_back();
      --of_size.blocks;
      check(cudaFree(block), "release_cached_memory");
    }
  }
  stats_.cached_bytes = 0;
}

void CudaMemory::fail_out_of_memory(const char* op, std::size_t bytes) const {
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), op);
  fail(op, "out of device memory: asked for ", bytes, " bytes; ", stats_.bytes_in_use, " are in use here, ",
       free, " of the device's ", total, " are free");
}

}  // namespace cuda

namespace {

const internal::DeviceMemory& find_memory(const char* op) {
  static const cuda::CudaMemory& instance = [op]() -> const cuda::CudaMemory& {
    if (!cuda::available()) fail(op, "no CUDA device: ", cuda::description(), "; stay on Device::cpu()");
    return *new cuda::CudaMemory;
  }();
  return instance;
}

// Before any object of the program is constructed: that may be a tensor on the device.
[[gnu::constructor(101)]] void announce_memory() { internal::set_device_memory(find_memory); }

}  // namespace

const kernels::Backend& kernels::cuda_backend() {
  static const cuda::CudaBackend& instance = *new cuda::CudaBackend;
  return instance;
}

}  // namespace taper
