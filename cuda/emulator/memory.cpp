// Device memory, and copies to, from and in it.
//
// It lies in two ranges of addresses that nothing else uses. The range of the small blocks may be touched
// only while an Access lives, that is, while a kernel or a copy runs. The range of the large blocks may
// always be touched: protecting many pages takes long. Each block of cudaMalloc has pages of its own, and
// unused bytes after its last one.
#include "internal.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include <cuda_runtime_api.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

namespace cuda_emulator {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t gap = 256;                             // at least so many unused bytes after a block
constexpr std::size_t small_block = 64 * page;               // the largest block of the watched range
constexpr std::size_t range_bytes = std::size_t{64} << 30;   // of addresses, not of memory
constexpr std::size_t watched_bytes = std::size_t{1} << 20;  // with more in use, the small blocks stay open
constexpr std::size_t default_memory = std::size_t{2} << 30;

std::size_t memory_limit() {
  const char* wish = std::getenv("TAPER_EMULATOR_MEMORY");
  return wish ? std::strtoull(wish, nullptr, 10) : default_memory;
}

// Addresses from which blocks are cut, one after another; freed ones are cut again for equally
// large requests.
struct Range {
  unsigned char* begin = nullptr;
  std::size_t used = 0;                                // bytes, from its start
  std::multimap<std::size_t, unsigned char*> freed{};  // by their size in whole pages

  bool holds(const void* address) const {
    const auto* at = static_cast<const unsigned char*>(address);
    return begin && at >= begin && at < begin + range_bytes;
  }
};

struct Device {
  std::recursive_mutex mutex;  // guards all below
  Range small, large;
  std::map<const unsigned char*, std::size_t> blocks;  // bytes of each, by its address
  std::size_t bytes_in_use = 0;
  int accesses = 0;
  bool open = false;  // may the small blocks be touched?
};

// Never destroyed: tensors may be released while the program ends.
Device& device() {
  static Device& instance = *new Device;
  return instance;
}

[[noreturn]] void give_up(const char* call) {
  std::perror(call);
  std::abort();
}

void protect(const Range& range, bool open) {
  if (range.used == 0) return;
  if (mprotect(range.begin, range.used, open ? PROT_READ | PROT_WRITE : PROT_NONE) != 0) give_up("mprotect");
}

struct sigaction old_handler;

// Says what happened; then the faulting access runs again, and meets the handler that was there before.
void explain_fault(int, siginfo_t* info, void*) {
  if (device().small.holds(info->si_addr) || device().large.holds(info->si_addr)) {
    static constexpr char message[] =
        "CUDA emulator: host code touches device memory, or a kernel what was never allocated\n";
    [[maybe_unused]] const auto written = write(2, message, sizeof message - 1);
  }
  sigaction(SIGSEGV, &old_handler, nullptr);
}

void reserve(Range& range) {
  void* begin = mmap(nullptr, range_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (begin == MAP_FAILED) give_up("mmap");
  range.begin = static_cast<unsigned char*>(begin);
}

void reserve_both(Device& device) {
  reserve(device.small);
  reserve(device.large);
  struct sigaction handler {};
  handler.sa_sigaction = explain_fault;
  handler.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &handler, &old_handler);
}

std::size_t whole_pages(std::size_t bytes) { return (bytes + gap + page - 1) / page * page; }
Range& range_for(Device& device, std::size_t size) {
  return size <= small_block ? device.small : device.large;
}

// `size` bytes of whole pages, or null.
unsigned char* cut(Device& device, std::size_t size) {
  Range& range = range_for(device, size);
  if (const auto hole = range.freed.find(size); hole != range.freed.end()) {
    unsigned char* const block = hole->second;
    range.freed.erase(hole);
    return block;
  }
  if (size > range_bytes - range.used) return nullptr;
  unsigned char* const block = range.begin + range.used;
  range.used += size;
  if (&range == &device.large || device.open) protect(range, true);
  return block;
}

}  // namespace

Access::Access() {
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  if (d.accesses++ > 0 || d.open) return;
  protect(d.small, true);
  d.open = true;
}
Access::~Access() {
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  if (--d.accesses > 0 || d.small.used > watched_bytes) return;
  protect(d.small, false);
  d.open = false;
}

bool is_device_memory(const void* begin, std::size_t bytes) {
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  const auto* at = static_cast<const unsigned char*>(begin);
  auto block = d.blocks.upper_bound(at);
  if (block == d.blocks.begin()) return false;
  --block;
  return at + bytes <= block->first + block->second;
}

void hand_out(void* block, std::size_t bytes, std::size_t capacity) {
  const Access access;
  ASAN_UNPOISON_MEMORY_REGION(block, capacity);
  std::memset(block, garbage, capacity);
  ASAN_POISON_MEMORY_REGION(static_cast<unsigned char*>(block) + bytes, capacity - bytes);
}

void take_back(void* block, std::size_t capacity) { ASAN_POISON_MEMORY_REGION(block, capacity); }

}  // namespace cuda_emulator

using namespace cuda_emulator;

cudaError_t cudaMalloc(void** block, std::size_t bytes) {
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  *block = nullptr;
  if (bytes == 0) return cudaSuccess;
  const std::size_t limit = memory_limit();
  if (bytes > limit || d.bytes_in_use > limit - bytes) return result(cudaErrorMemoryAllocation);
  if (!d.small.begin) reserve_both(d);
  const std::size_t size = whole_pages(bytes);
  unsigned char* const memory = cut(d, size);
  if (!memory) return result(cudaErrorMemoryAllocation);
  d.blocks[memory] = bytes;
  d.bytes_in_use += bytes;
  hand_out(memory, bytes, size);
  *block = memory;
  return cudaSuccess;
}

cudaError_t cudaFree(void* block) {
  if (!block) return cudaSuccess;
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  const auto found = d.blocks.find(static_cast<unsigned char*>(block));
  if (found == d.blocks.end()) return result(cudaErrorInvalidValue);
  const std::size_t size = whole_pages(found->second);
  d.bytes_in_use -= found->second;
  range_for(d, size).freed.emplace(size, static_cast<unsigned char*>(block));
  d.blocks.erase(found);
  take_back(block, size);
  madvise(block, size, MADV_DONTNEED);
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void** block, std::size_t bytes) {
  *block = std::malloc(bytes);
  return result(*block ? cudaSuccess : cudaErrorMemoryAllocation);
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  *total = memory_limit();
  *free = *total - std::min(*total, d.bytes_in_use);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t) {
  if (bytes == 0) return cudaSuccess;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (is_device_memory(to, bytes) != to_device || is_device_memory(from, bytes) != from_device) {
    return result(cudaErrorInvalidValue);
  }
  const std::lock_guard lock(device_mutex());
  const Access access;
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* block, int value, std::size_t bytes, cudaStream_t) {
  if (bytes == 0) return cudaSuccess;
  if (!is_device_memory(block, bytes)) return result(cudaErrorInvalidValue);
  const std::lock_guard lock(device_mutex());
  const Access access;
  std::memset(block, value, bytes);
  return cudaSuccess;
}
