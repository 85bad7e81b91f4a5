// CudaMemory: the CUDA device's memory, pooled.
#pragma once

#include "../../core/memory/device_memory.hpp"
#include "../../core/memory/size_class.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace taper::cuda {

// One pool for all threads: freed blocks are kept by size class and handed out again at once, for all work
// runs on one stream. There is one object, which is never destroyed, because tensors may be released while
// the program ends.
class CudaMemory final : public internal::DeviceMemory {
 public:
  void* allocate(const char* op, std::size_t bytes) const override;
  void release(void* block, std::size_t bytes) const noexcept override;
  PoolStats stats() const override;
  void release_cached() const override;

  void to_host(const void* device, void* host, std::size_t bytes) const override;
  void to_device(const void* host, void* device, std::size_t bytes) const override;
  void copy(const void* from, void* to, std::size_t bytes) const override;
  void fill(DType dtype, void* to, std::int64_t n, double value) const override;
  void add(DType dtype, const void* a, const void* b, void* out, std::int64_t n) const override;
  // kernels/elementwise/cast.cu
  void convert(DType from_dtype, const void* from, DType to_dtype, void* to, std::int64_t n) const override;

 private:
  struct Class {
    std::vector<void*> free;
    std::size_t blocks = 0;  // from the device, free or not: what `free` has room for
  };

  // These three are called with the mutex held. make_block returns null if the device is out of memory.
  void* make_block(const char* op, internal::SizeClass size) const;
  void free_cached_blocks() const;
  [[noreturn]] void fail_out_of_memory(const char* op, std::size_t bytes) const;

  mutable std::mutex mutex_;  // guards all that follows
  mutable std::array<Class, internal::class_count> classes_;
  mutable PoolStats stats_;
};

}  // namespace taper::cuda
