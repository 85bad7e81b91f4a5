// CudaMemory's copies between host and device, and two of the loops that core needs from a device.
#include "../kernels/launch.cuh"
#include "cuda_memory.hpp"

#include <cstring>

namespace taper::cuda {
namespace {

// Copies to the device go through pinned memory, a ring of slots: the caller's bytes may be overwritten at
// once, and nobody waits unless the device is a whole round behind. (From ordinary memory CUDA's own copy may
// read later, or wait for the stream.)
class Staging {
 public:
  void copy(const void* host, void* device, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (!memory_) make();
    const auto* from = static_cast<const std::byte*>(host);
    auto* to = static_cast<std::byte*>(device);
    while (bytes > 0) {
      const std::size_t part = std::min(bytes, slot_bytes);
      std::byte* slot = memory_ + next_ * slot_bytes;
      check(cudaEventSynchronize(read_[next_]), "to_device");
      std::memcpy(slot, from, part);
      check(cudaMemcpyAsync(to, slot, part, cudaMemcpyHostToDevice, stream()), "to_device");
      check(cudaEventRecord(read_[next_], stream()), "to_device");
      next_ = (next_ + 1) % slots;
      from += part;
      to += part;
      bytes -= part;
    }
  }

 private:
  static constexpr std::size_t slots = 32, slot_bytes = 256 * 1024;

  void make() {
    for (cudaEvent_t& event : read_) {
      if (!event) check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "to_device");
    }
    void* memory = nullptr;
    check(cudaMallocHost(&memory, slots * slot_bytes), "to_device");
    memory_ = static_cast<std::byte*>(memory);
  }

  std::mutex mutex_;  // guards all that follows
  std::byte* memory_ = nullptr;
  cudaEvent_t read_[slots]{};  // when the device has read the slot
  std::size_t next_ = 0;
};

// The floor: one write of n elements.
template <class T>
__global__ void fill_kernel(T* to, std::int64_t n, T value) {
  for (std::int64_t i = first_item(); i < n; i += item_stride()) to[i] = value;
}

// The floor: two reads and one write of n elements.
template <class T>
__global__ void add_kernel(const T* a, const T* b, T* out, std::int64_t n) {
  for (std::int64_t i = first_item(); i < n; i += item_stride()) out[i] = a[i] + b[i];
}

constexpr int threads = 256;

}  // namespace

void CudaMemory::to_host(const void* device, void* host, std::size_t bytes) const {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream()), "to_host");
  check(cudaStreamSynchronize(stream()), "to_host");
}

void CudaMemory::to_device(const void* host, void* device, std::size_t bytes) const {
  static Staging& staging = *new Staging;  // never destroyed, as the memory
  staging.copy(host, device, bytes);
}

void CudaMemory::copy(const void* from, void* to, std::size_t bytes) const {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream()), "copy");
}

void CudaMemory::fill(DType dtype, void* to, std::int64_t n, double value) const {
  if (n == 0) return;
  dispatch(dtype, [&]<class T>() {
    launch("fill", fill_kernel<T>, blocks_for(n, threads), threads, 0, static_cast<T*>(to), n,
           static_cast<T>(value));
  });
}

void CudaMemory::add(DType dtype, const void* a, const void* b, void* out, std::int64_t n) const {
  if (n == 0) return;
  dispatch(dtype, [&]<class T>() {
    launch("add", add_kernel<T>, blocks_for(n, threads), threads, 0, static_cast<const T*>(a),
           static_cast<const T*>(b), static_cast<T*>(out), n);
  });
}

}  // namespace taper::cuda
