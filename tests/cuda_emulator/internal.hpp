// What the emulator's files share.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include <cuda_emulator.h>

#if defined(__SANITIZE_ADDRESS__)
#define CUDA_EMULATOR_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CUDA_EMULATOR_ASAN 1
#endif
#endif
#ifdef CUDA_EMULATOR_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) (static_cast<void>(address), static_cast<void>(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) (static_cast<void>(address), static_cast<void>(size))
#endif

namespace cuda_emulator {

// All bits set: NaN as a float or double, -1 as an index.
inline constexpr int garbage = 0xff;

// One after another, as work on one stream is.
std::mutex& device_mutex();

// The dynamic shared memory that the kernel at this address may ask for (cudaFuncSetAttribute).
std::size_t shared_limit(const void* kernel);

// What the program's symbol table says.
// The name of the function at this address, as in the source.
std::string function_name(const void* address);
// The __shared__ variables (of this thread) that a kernel may use: its own, and those of device functions,
// which are taken to be all small ones.
struct Region {
  unsigned char* begin;
  std::size_t bytes;
};
std::vector<Region> shared_variables(const void* kernel);

}  // namespace cuda_emulator
