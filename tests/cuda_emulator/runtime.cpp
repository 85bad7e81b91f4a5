// The CUDA runtime's host functions: errors, the device, memory, streams and events.
//
// Device memory is one range of addresses that may be touched only while an Access lives: a kernel runs, or a
// copy. Each block of cudaMalloc has pages of its own.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>

#include <cuda_runtime_api.h>
#include <sys/mman.h>

#include "internal.hpp"

struct CUevent_st {
  std::chrono::steady_clock::time_point time;
};

namespace cuda_emulator {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t arena_bytes = std::size_t{64} << 30;
constexpr std::size_t watched_pages = 256;  // with more in use they stay open: protecting them takes too long
constexpr std::size_t default_memory = std::size_t{2} << 30;

thread_local cudaError_t last_error = cudaSuccess;
cudaError_t result(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

std::size_t memory_limit() {
  const char* wish = std::getenv("TAPER_EMULATOR_MEMORY");
  return wish ? std::strtoull(wish, nullptr, 10) : default_memory;
}

struct Device {
  std::recursive_mutex mutex;  // guards all below
  unsigned char* arena = nullptr;
  std::size_t used_pages = 0;                 // of the arena, from its start; the rest was never handed out
  std::map<std::size_t, std::size_t> blocks;  // bytes of each, by offset
  std::multimap<std::size_t, std::size_t> free;  // offsets of freed ones, by bytes in whole pages
  std::size_t bytes_in_use = 0;
  int accesses = 0;
  bool open = false;
  std::map<const void*, std::size_t> shared_limits;
};

// Never destroyed: tensors may be released while the program ends.
Device& device() {
  static Device& instance = *new Device;
  return instance;
}

void protect(Device& device, bool open) {
  if (device.used_pages == 0 || (!open && device.used_pages > watched_pages)) return;
  if (mprotect(device.arena, device.used_pages * page, open ? PROT_READ | PROT_WRITE : PROT_NONE) != 0) {
    std::perror("CUDA emulator: mprotect");
    std::abort();
  }
  device.open = open;
}

struct sigaction old_handler;

// Says what happened; then the faulting access runs again, into the handler that was there before.
void explain_fault(int, siginfo_t* info, void*) {
  const auto* at = static_cast<unsigned char*>(info->si_addr);
  if (at >= device().arena && at < device().arena + arena_bytes) {
    static constexpr char message[] =
        "CUDA emulator: host code touches device memory, or a kernel what was never allocated\n";
    [[maybe_unused]] const auto written = write(2, message, sizeof message - 1);
  }
  sigaction(SIGSEGV, &old_handler, nullptr);
}

void make_arena(Device& device) {
  void* arena = mmap(nullptr, arena_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (arena == MAP_FAILED) {
    std::perror("CUDA emulator: mmap");
    std::abort();
  }
  device.arena = static_cast<unsigned char*>(arena);
  struct sigaction handler {};
  handler.sa_sigaction = explain_fault;
  handler.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &handler, &old_handler);
}

std::size_t whole_pages(std::size_t bytes) { return (bytes + 256 + page - 1) / page * page; }

}  // namespace

std::mutex& device_mutex() {
  static std::mutex& instance = *new std::mutex;
  return instance;
}

Access::Access() {
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  if (d.accesses++ == 0 && !d.open) protect(d, true);
}
Access::~Access() {
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  if (--d.accesses == 0) protect(d, false);
}

bool is_device_memory(const void* begin, std::size_t bytes) {
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  const auto* at = static_cast<const unsigned char*>(begin);
  if (!d.arena || at < d.arena || at >= d.arena + arena_bytes) return false;
  const auto offset = static_cast<std::size_t>(at - d.arena);
  auto block = d.blocks.upper_bound(offset);
  if (block == d.blocks.begin()) return false;
  --block;
  return offset + bytes <= block->first + block->second;
}

std::size_t shared_limit(const void* kernel) {
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  const auto found = d.shared_limits.find(kernel);
  return found == d.shared_limits.end() ? default_shared : found->second;
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

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration:
      return "cudaErrorInvalidConfiguration";
    case cudaErrorInvalidDevice:
      return "cudaErrorInvalidDevice";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
  }
  return "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
  }
  return "unrecognized error code";
}

cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }
cudaError_t cudaPeekAtLastError() { return last_error; }

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) { return result(device == 0 ? cudaSuccess : cudaErrorInvalidDevice); }

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return result(cudaErrorInvalidDevice);
  *properties = {};
  std::strcpy(properties->name, "emulated device");
  properties->totalGlobalMem = memory_limit();
  properties->sharedMemPerBlock = default_shared;
  properties->sharedMemPerBlockOptin = max_shared;
  properties->warpSize = warp_size;
  properties->major = 9;
  properties->minor = 0;
  properties->multiProcessorCount = 132;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  if (device != 0) return result(cudaErrorInvalidDevice);
  switch (attribute) {
    case cudaDevAttrMultiProcessorCount:
      *value = 132;
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMajor:
      *value = 9;
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor:
      *value = 0;
      return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = static_cast<int>(max_shared);
      return cudaSuccess;
  }
  return result(cudaErrorInvalidValue);
}

cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }

cudaError_t cudaMalloc(void** block, std::size_t bytes) {
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  *block = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (bytes > memory_limit() || d.bytes_in_use > memory_limit() - bytes)
    return result(cudaErrorMemoryAllocation);
  if (!d.arena) make_arena(d);
  const std::size_t size = whole_pages(bytes);
  std::size_t offset = d.used_pages * page;
  if (const auto hole = d.free.find(size); hole != d.free.end()) {
    offset = hole->second;
    d.free.erase(hole);
  } else {
    if (offset + size > arena_bytes) return result(cudaErrorMemoryAllocation);
    d.used_pages += size / page;
    if (d.open) protect(d, true);
  }
  d.blocks[offset] = bytes;
  d.bytes_in_use += bytes;
  *block = d.arena + offset;
  hand_out(*block, bytes, size);
  return cudaSuccess;
}

cudaError_t cudaFree(void* block) {
  if (!block) return cudaSuccess;
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  const auto found = d.blocks.find(static_cast<std::size_t>(static_cast<unsigned char*>(block) - d.arena));
  if (found == d.blocks.end()) return result(cudaErrorInvalidValue);
  const std::size_t size = whole_pages(found->second);
  d.bytes_in_use -= found->second;
  d.free.emplace(size, found->first);
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

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  static char streams[1];
  *stream = reinterpret_cast<cudaStream_t>(streams);  // one is as good as another
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = new CUevent_st;
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) { return cudaEventCreate(event); }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
  event->time = std::chrono::steady_clock::now();
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t) { return cudaSuccess; }
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  *milliseconds = std::chrono::duration<float, std::milli>(end->time - start->time).count();
  return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute, int value) {
  if (value < 0 || static_cast<std::size_t>(value) > max_shared) return result(cudaErrorInvalidValue);
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  d.shared_limits[kernel] = static_cast<std::size_t>(value);
  return cudaSuccess;
}
