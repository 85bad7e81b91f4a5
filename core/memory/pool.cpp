// Free lists by size class, one set a thread: no locks, and a block freed on another thread
// simply moves there.
#include "pool.hpp"

#include "../fail.hpp"
#include "../text.hpp"
#include "device_memory.hpp"
#include "size_class.hpp"

#include <iomanip>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define TAPER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TAPER_ASAN 1
#endif
#endif
#ifdef TAPER_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) (static_cast<void>(address), static_cast<void>(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) (static_cast<void>(address), static_cast<void>(size))
#endif

namespace taper {
namespace internal {
namespace {

constexpr std::align_val_t alignment{64};
struct FreeBlock {
  FreeBlock* next;
};

// Plain data, so that reading it costs no initialisation check and it may be used while the
// thread shuts down.
struct Pool {
  FreeBlock* free[class_count];
  std::size_t cached_bytes;
  std::size_t system_bytes;  // asked from the system by this thread, less what empty_pool gave back
  std::uint64_t system_allocations;
  bool closed;  // the thread is ending: free at once
};
constinit thread_local Pool pool{};

void empty_pool() noexcept {
  for (int index = 0; index < class_count; ++index) {
    while (FreeBlock* block = pool.free[index]) {
      ASAN_UNPOISON_MEMORY_REGION(block, sizeof(FreeBlock));
      pool.free[index] = block->next;
      ::operator delete(block, alignment);
    }
  }
  pool.system_bytes -= pool.cached_bytes;  // never below zero: a thread caches at most what it asked for
  pool.cached_bytes = 0;
}

// Empties the pool when its thread ends.
struct Closer {
  ~Closer() {
    pool.closed = true;
    empty_pool();
  }
};

void* allocate_from_system(std::size_t bytes) {
  thread_local Closer closer;  // constructed by the thread's first request
  static_cast<void>(closer);
  const std::size_t size = size_class(bytes).bytes;
  // The form that throws won't do: under the sanitizers it ends the program instead.
  void* const block = ::operator new(size, alignment, std::nothrow);
  if (!block) return nullptr;
  pool.system_bytes += size;
  ++pool.system_allocations;
  return block;
}

}  // namespace

void* pool_try_allocate(std::size_t bytes) {
  const SizeClass wanted = size_class(bytes);
  FreeBlock* block = pool.free[wanted.index];
  if (!block) return allocate_from_system(bytes);
  ASAN_UNPOISON_MEMORY_REGION(block, wanted.bytes);
  pool.free[wanted.index] = block->next;
  pool.cached_bytes -= wanted.bytes;
  return block;
}

void* pool_allocate(std::size_t bytes, const char* op) {
  void* const block = pool_try_allocate(bytes);
  if (!block) fail_out_of_memory(op, bytes);
  return block;
}

void fail_out_of_memory(const char* op, std::size_t bytes, const Shape* shape) {
  if (shape) fail(op, "out of memory: shape ", *shape, " takes ", bytes_text(bytes));
  fail(op, "out of memory: asked for ", bytes_text(bytes));
}

void pool_release(void* memory, std::size_t bytes) noexcept {
  const SizeClass size = size_class(bytes);
  if (pool.closed || pool.cached_bytes + size.bytes > pool.system_bytes) {
    return ::operator delete(memory, alignment);
  }
  auto* block = static_cast<FreeBlock*>(memory);
  block->next = pool.free[size.index];
  pool.free[size.index] = block;
  pool.cached_bytes += size.bytes;
  ASAN_POISON_MEMORY_REGION(block, size.bytes);
}

std::string bytes_text(std::size_t bytes) {
  constexpr const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto count = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; count >= 1024; ++unit) count /= 1024;
  return text(std::fixed, std::setprecision(unit == 0 ? 0 : 1), count, ' ', units[unit]);
}

}  // namespace internal

PoolStats pool_stats(Device device) {
  if (!device.is_cpu()) return internal::device_memory("pool_stats", device).stats();
  const internal::Pool& pool = internal::pool;
  return {pool.system_allocations, pool.cached_bytes, pool.system_bytes - pool.cached_bytes};
}

void release_cached_memory(Device device) {
  if (!device.is_cpu()) return internal::device_memory("release_cached_memory", device).release_cached();
  internal::empty_pool();
}

}  // namespace taper
