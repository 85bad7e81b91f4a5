// What the emulator's files share.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include <cuda_emulator.h>
#include <cuda_runtime_api.h>

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

// Held while the device works, so that one piece of work follows another as on one stream.
std::mutex& device_mutex();

// Keeps an error for cudaGetLastError.
cudaError_t result(cudaError_t error);

// The dynamic shared memory that the kernel at this address may ask for (cudaFuncSetAttribute). With
// device_mutex() held.
std::size_t shared_limit(const void* kernel);

// The name of the function at this address, as in the source.
std::string function_name(const void* address);

// Memory of each thread, given by its offset from dynamic_shared.
struct SharedRegion {
  std::ptrdiff_t offset;
  std::size_t bytes;
};
// The __shared__ variables that a kernel may use: its own, and those of device functions, which are taken to
// be all small ones. With device_mutex() held.
const std::vector<SharedRegion>& shared_variables(const void* kernel);

}  // namespace cuda_emulator
