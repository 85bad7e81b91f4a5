// What core needs from a device other than the CPU: memory, copies, and the three loops that core runs there.
#pragma once

#include "pool.hpp"

#include <cstddef>
#include <cstdint>

namespace taper::internal {

// Memory on a device. All work there runs in one order (one stream), and these functions take their place in
// it: a released block may be handed out again at once, for only later work can touch it. None of them waits
// for the device unless its comment says so.
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;

  // A block of at least `bytes` bytes (none for 0), aligned to 256; its contents are indeterminate. Throws
  // Error("[op] out of device memory: …"), which says how much was asked for and how much is in use.
  virtual void* allocate(const char* op, std::size_t bytes) const = 0;
  // Takes back a block of allocate(…, bytes), from any thread.
  virtual void release(void* block, std::size_t bytes) const noexcept = 0;
  // Released blocks are kept for the next request: see pool_stats and release_cached_memory.
  virtual PoolStats stats() const = 0;
  virtual void release_cached() const = 0;

  // Copies; to_host waits until the bytes are there, to_device until `host` may be overwritten.
  virtual void to_host(const void* device, void* host, std::size_t bytes) const = 0;
  virtual void to_device(const void* host, void* device, std::size_t bytes) const = 0;
  virtual void copy(const void* from, void* to, std::size_t bytes) const = 0;

  // to_i = value, and out_i = a_i + b_i (out may be a), for n elements of the dtype.
  virtual void fill(DType dtype, void* to, std::int64_t n, double value) const = 0;
  virtual void add(DType dtype, const void* a, const void* b, void* out, std::int64_t n) const = 0;
  // to_i = from_i, rounded to to_dtype; n elements.
  virtual void convert(DType from_dtype, const void* from, DType to_dtype, void* to,
                       std::int64_t n) const = 0;
};

// The memory of a device that is not the CPU. Throws Error("[op] no CUDA device: …") if there is none.
const DeviceMemory& device_memory(const char* op, Device device);

// Core does not know cuda/: before main() begins, cuda/ says here how its memory is found. `find` gets the
// op's name and throws as device_memory() does.
using FindDeviceMemory = const DeviceMemory& (*)(const char* op);
void set_device_memory(FindDeviceMemory find) noexcept;

}  // namespace taper::internal
