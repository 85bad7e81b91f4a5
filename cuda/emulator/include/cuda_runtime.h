// The part of CUDA C++ that Taper's kernels use, as plain C++: see cuda_emulator.h.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>

#include <cuda_emulator.h>
#include <cuda_runtime_api.h>

#define __global__
#define __device__
#define __host__
#define __constant__
#define __shared__ thread_local
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(bytes) __attribute__((aligned(bytes)))

// The running thread's place.
extern constinit thread_local uint3 threadIdx;
extern constinit thread_local uint3 blockIdx;
extern constinit thread_local dim3 blockDim;
extern constinit thread_local dim3 gridDim;
inline constexpr int warpSize = cuda_emulator::warp_size;

// Vector types, aligned as CUDA's are.
#define CUDA_EMULATOR_VECTOR(T, name, alignment2, alignment4)        \
  struct __align__(alignment2) name##2 {                             \
    T x, y;                                                          \
  };                                                                 \
  struct name##3 {                                                   \
    T x, y, z;                                                       \
  };                                                                 \
  struct __align__(alignment4) name##4 {                             \
    T x, y, z, w;                                                    \
  };                                                                 \
  inline name##2 make_##name##2(T x, T y) { return {x, y}; }         \
  inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; } \
  inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
CUDA_EMULATOR_VECTOR(float, float, 8, 16)
CUDA_EMULATOR_VECTOR(int, int, 8, 16)
#undef CUDA_EMULATOR_VECTOR
struct __align__(8) uint2 {
  unsigned x, y;
};
struct __align__(16) uint4 {
  unsigned x, y, z, w;
};
struct __align__(16) double2 {
  double x, y;
};
struct __align__(16) longlong2 {
  long long x, y;
};
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline double2 make_double2(double x, double y) { return {x, y}; }
inline longlong2 make_longlong2(long long x, long long y) { return {x, y}; }

// Barriers. The last two parameters say where the call stands.
#define CUDA_EMULATOR_PLACE const char *file = __builtin_FILE(), int line = __builtin_LINE()
inline void __syncthreads(CUDA_EMULATOR_PLACE) {
  cuda_emulator::wait_for_block({"__syncthreads", file, line});
}
inline int __syncthreads_count(int predicate, CUDA_EMULATOR_PLACE) {
  return cuda_emulator::count_in_block(predicate != 0, {"__syncthreads_count", file, line});
}
inline int __syncthreads_or(int predicate, CUDA_EMULATOR_PLACE) {
  return cuda_emulator::count_in_block(predicate != 0, {"__syncthreads_or", file, line}) > 0;
}
inline int __syncthreads_and(int predicate, CUDA_EMULATOR_PLACE) {
  return cuda_emulator::count_in_block(predicate == 0, {"__syncthreads_and", file, line}) == 0;
}
inline void __syncwarp(unsigned mask = 0xffffffffu, CUDA_EMULATOR_PLACE) {
  cuda_emulator::exchange_in_warp(mask, 0, {"__syncwarp", file, line});
}
inline void __threadfence() {}
inline void __threadfence_block() {}

namespace cuda_emulator {

// The value of the lane `source(lane, first lane of its segment, width)`.
template <class T, class Source>
T shuffle(unsigned mask, T value, int width, const Place& place, Source source) {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) >= 4 && sizeof(T) <= 8, "as in CUDA");
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  const std::uint64_t* all = exchange_in_warp(mask, bits, place);
  const int self = lane();
  const int begin = self & ~(width - 1);
  std::memcpy(&value, &all[source(self, begin, width)], sizeof(T));
  return value;
}

}  // namespace cuda_emulator

template <class T>
T __shfl_sync(unsigned mask, T value, int from, int width = 32, CUDA_EMULATOR_PLACE) {
  return cuda_emulator::shuffle(mask, value, width, {"__shfl_sync", file, line},
                                [from](int, int begin, int n) { return begin + (from & (n - 1)); });
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int flipped, int width = 32, CUDA_EMULATOR_PLACE) {
  return cuda_emulator::shuffle(mask, value, width, {"__shfl_xor_sync", file, line},
                                [flipped](int lane, int begin, int n) {
                                  const int other = lane ^ flipped;
                                  return other < begin + n ? other : lane;
                                });
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, CUDA_EMULATOR_PLACE) {
  return cuda_emulator::shuffle(mask, value, width, {"__shfl_up_sync", file, line},
                                [delta](int lane, int begin, int) {
                                  const int other = lane - static_cast<int>(delta);
                                  return other >= begin ? other : lane;
                                });
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, CUDA_EMULATOR_PLACE) {
  return cuda_emulator::shuffle(mask, value, width, {"__shfl_down_sync", file, line},
                                [delta](int lane, int begin, int n) {
                                  const int other = lane + static_cast<int>(delta);
                                  return other < begin + n ? other : lane;
                                });
}
inline unsigned __ballot_sync(unsigned mask, int predicate, CUDA_EMULATOR_PLACE) {
  const std::uint64_t* all =
      cuda_emulator::exchange_in_warp(mask, predicate != 0, {"__ballot_sync", file, line});
  unsigned ballot = 0;
  for (int lane = 0; lane < 32; ++lane) ballot |= static_cast<unsigned>(all[lane]) << lane;
  return ballot;
}
inline int __any_sync(unsigned mask, int predicate, CUDA_EMULATOR_PLACE) {
  return __ballot_sync(mask, predicate, file, line) != 0;
}
inline int __all_sync(unsigned mask, int predicate, CUDA_EMULATOR_PLACE) {
  return __ballot_sync(mask, predicate, file, line) == 0xffffffffu;
}

// Atomics: plain operations, for nothing else runs meanwhile. There are none for floating-point numbers,
// whose sums would depend on the order.
#define CUDA_EMULATOR_ATOMIC(T)                                                                  \
  inline T atomicAdd(T* at, T value) { return std::exchange(*at, static_cast<T>(*at + value)); } \
  inline T atomicMax(T* at, T value) { return std::exchange(*at, *at < value ? value : *at); }   \
  inline T atomicMin(T* at, T value) { return std::exchange(*at, value < *at ? value : *at); }   \
  inline T atomicAnd(T* at, T value) { return std::exchange(*at, *at & value); }                 \
  inline T atomicOr(T* at, T value) { return std::exchange(*at, *at | value); }                  \
  inline T atomicExch(T* at, T value) { return std::exchange(*at, value); }                      \
  inline T atomicCAS(T* at, T expected, T value) { return *at == expected ? std::exchange(*at, value) : *at; }
CUDA_EMULATOR_ATOMIC(int)
CUDA_EMULATOR_ATOMIC(unsigned)
CUDA_EMULATOR_ATOMIC(unsigned long long)
#undef CUDA_EMULATOR_ATOMIC

template <class T>
T __ldg(const T* at) {
  return *at;
}
[[noreturn]] inline void __trap() { __builtin_trap(); }

// Bits.
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x)); }
inline int __clzll(long long x) { return x == 0 ? 64 : __builtin_clzll(static_cast<unsigned long long>(x)); }
inline int __float_as_int(float x) { return __builtin_bit_cast(int, x); }
inline unsigned __float_as_uint(float x) { return __builtin_bit_cast(unsigned, x); }
inline float __int_as_float(int x) { return __builtin_bit_cast(float, x); }
inline float __uint_as_float(unsigned x) { return __builtin_bit_cast(float, x); }
inline long long __double_as_longlong(double x) { return __builtin_bit_cast(long long, x); }
inline double __longlong_as_double(long long x) { return __builtin_bit_cast(double, x); }

// Functions that CUDA has in the global namespace. As there, min and max of floating-point numbers skip NaN.
#define CUDA_EMULATOR_MIN_MAX(T)                      \
  constexpr T min(T a, T b) { return b < a ? b : a; } \
  constexpr T max(T a, T b) { return a < b ? b : a; }
CUDA_EMULATOR_MIN_MAX(int)
CUDA_EMULATOR_MIN_MAX(unsigned)
CUDA_EMULATOR_MIN_MAX(long)
CUDA_EMULATOR_MIN_MAX(unsigned long)
CUDA_EMULATOR_MIN_MAX(long long)
CUDA_EMULATOR_MIN_MAX(unsigned long long)
#undef CUDA_EMULATOR_MIN_MAX
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }
inline float rsqrtf(float x) { return 1 / sqrtf(x); }
inline double rsqrt(double x) { return 1 / sqrt(x); }

// Roundings by name: what nvcc may not contract to a fused multiply-add.
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }

// Runs the kernel; `arguments` become its parameters as in a call.
template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  struct Call {
    void (*kernel)(Parameters...);
    std::tuple<Parameters...> parameters;
  };
  const Call call{kernel, std::tuple<Parameters...>(std::forward<Arguments>(arguments)...)};
  const cuda_emulator::Kernel what{reinterpret_cast<const void*>(kernel),
                                   [](const void* context) {
                                     const Call& call = *static_cast<const Call*>(context);
                                     std::apply(call.kernel, call.parameters);
                                   },
                                   &call};
  std::apply(
      [&what](const auto&... parameters) {
        int index = 0;
        const auto check = [&](const auto& parameter) {
          using Parameter = std::decay_t<decltype(parameter)>;
          if constexpr (std::is_pointer_v<Parameter>) cuda_emulator::check_pointer(what, index, parameter);
          ++index;
        };
        static_cast<void>(check);
        (check(parameters), ...);
      },
      call.parameters);
  const dim3 grid = config->gridDim, block = config->blockDim;
  return static_cast<cudaError_t>(cuda_emulator::run(what, {grid.x, grid.y, grid.z},
                                                     {block.x, block.y, block.z}, config->dynamicSmemBytes));
}

// Where `extern __shared__` memory lies.
namespace cuda_emulator {
extern constinit thread_local unsigned char dynamic_shared[];
}
