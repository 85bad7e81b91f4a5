// Pack: neighbouring elements that a kernel loads and stores in one instruction.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

namespace taper::cuda {

// The elements of the widest load, 16 bytes.
template <class T>
inline constexpr int widest_pack = 16 / sizeof(T);

// Four doubles are two loads.
template <class T, int width>
struct alignas(width * sizeof(T) < 16 ? width * sizeof(T) : 16) Pack {
  T at[width];
};

// `from` and `to` are aligned as the pack is. (With memcpy, nvcc 13 loads single bytes.)
template <int width, class T>
__device__ Pack<T, width> load_pack(const T* from) {
  return *reinterpret_cast<const Pack<T, width>*>(from);
}
template <int width, class T>
__device__ void store_pack(const Pack<T, width>& pack, T* to) {
  *reinterpret_cast<Pack<T, width>*>(to) = pack;
}

inline bool is_aligned(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0; }

}  // namespace taper::cuda
