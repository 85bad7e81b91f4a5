// Floating-point numbers as unsigned integers in the same order, so that an interval of them can be halved.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

namespace taper::cuda {

// Numbers in the order of the values of T: key(x) < key(y) if x < y.
__device__ inline std::uint32_t key_of(float x) {
  const std::uint32_t bits = __float_as_uint(x);
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}
__device__ inline std::uint64_t key_of(double x) {
  const auto bits = static_cast<std::uint64_t>(__double_as_longlong(x));
  return bits >> 63 ? ~bits : bits | 0x8000000000000000u;
}
__device__ inline float value_of(std::uint32_t key) {
  return __uint_as_float(key >> 31 ? key & 0x7fffffffu : ~key);
}
__device__ inline double value_of(std::uint64_t key) {
  return __longlong_as_double(static_cast<long long>(key >> 63 ? key & 0x7fffffffffffffffu : ~key));
}

// The number next to a finite x on the way to -inf.
template <class T>
__device__ T just_below(T x) {
  return value_of(key_of(x == 0 ? -T{0} : x) - 1);
}

}  // namespace taper::cuda
