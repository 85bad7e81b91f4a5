// Array: plain elements that belong to an op's inner workings, on either device: indices, counts, offsets.
#pragma once

#include "device_memory.hpp"
#include "pool.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace taper::internal {

// `size` elements in pooled memory of the device; nothing is set. Moved, not copied.
template <class T>
class Array {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Array() = default;
  Array(const char* op, Device device, std::int64_t size) : size_(size), device_(device) {
    data_ = static_cast<T*>(device.is_cpu() ? pool_allocate(bytes(), op)
                                            : device_memory(op, device).allocate(op, bytes()));
  }
  Array(Array&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(other.size_), device_(other.device_) {}
  Array& operator=(Array other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(device_, other.device_);
    return *this;
  }
  ~Array() {
    if (!data_) return;
    if (device_.is_cpu()) {
      pool_release(data_, bytes());
    } else {
      device_memory("Array", device_).release(data_, bytes());
    }
  }

  // On a device other than the CPU only its kernels may follow the pointer.
  T* data() const { return data_; }
  // On the CPU.
  T& operator[](std::int64_t i) const { return data_[i]; }
  std::int64_t size() const { return size_; }
  // A copy on the CPU.
  std::vector<T> to_vector() const {
    std::vector<T> copy(static_cast<std::size_t>(size_));
    if (device_.is_cpu()) {
      std::copy_n(data_, size_, copy.begin());
    } else {
      device_memory("Array", device_).to_host(data_, copy.data(), bytes());
    }
    return copy;
  }
  Device device() const { return device_; }

 private:
  std::size_t bytes() const { return static_cast<std::size_t>(size_) * sizeof(T); }

  T* data_ = nullptr;
  std::int64_t size_ = 0;
  Device device_ = Device::cpu();
};

}  // namespace taper::internal
