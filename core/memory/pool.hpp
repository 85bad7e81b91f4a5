// The buffer pool: freed blocks are kept by size for the next request, so that a training step which repeats
// itself asks the system for nothing. Every byte of a tensor or a tape comes from here.
#pragma once

#include "../device.hpp"
#include "../shape.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace taper {

// What a pool has done so far: on the CPU this thread's pool, on another device its only one. Throws if there
// is no such device.
struct PoolStats {
  std::uint64_t system_allocations = 0;  // requests that no cached block could serve
  std::size_t cached_bytes = 0;          // freed blocks waiting for reuse
  // Blocks that were handed out and have not come back. On the CPU a block that another thread freed counts for
  // the thread that had asked the system for it.
  std::size_t bytes_in_use = 0;
};
PoolStats pool_stats(Device device = Device::cpu());

// Gives that pool's cached blocks back to the system. Live tensors are untouched.
void release_cached_memory(Device device = Device::cpu());

namespace internal {

// A block of at least `bytes` bytes, aligned to 64, or null if the system has none. Its contents
// are indeterminate.
void* pool_try_allocate(std::size_t bytes);
// The same, but if the system has none, it throws Error("[op] out of memory: …") as below.
void* pool_allocate(std::size_t bytes, const char* op = "pool");

// Throws Error("[op] out of memory: …"), which says how much was asked for and, if given, for which shape.
[[noreturn, gnu::cold]] void fail_out_of_memory(const char* op, std::size_t bytes,
                                                const Shape* shape = nullptr);

// Takes back such a block, from any thread. The thread that frees keeps the block, but
// never more bytes than it has itself asked the system for: a producer and a consumer of tensors don't pile
// up memory.
void pool_release(void* block, std::size_t bytes) noexcept;

// "3.6 PiB", "512 bytes".
std::string bytes_text(std::size_t bytes);

// The pool as a standard allocator.
template <class T>
struct PoolAllocator {
  using value_type = T;
  PoolAllocator() = default;
  template <class U>
  PoolAllocator(const PoolAllocator<U>&) {}
  T* allocate(std::size_t count) { return static_cast<T*>(pool_allocate(count * sizeof(T))); }
  void deallocate(T* block, std::size_t count) noexcept { pool_release(block, count * sizeof(T)); }
  friend bool operator==(PoolAllocator, PoolAllocator) { return true; }
};

template <class T>
using PoolVector = std::vector<T, PoolAllocator<T>>;

}  // namespace internal
}  // namespace taper
