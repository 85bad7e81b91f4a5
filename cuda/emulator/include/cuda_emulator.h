// What the emulator has besides CUDA's own names.
//
// Each CUDA thread of a block is a fiber; blocks run one after another, on the thread that launches. The
// emulator looks for bugs:
// - blocks and fibers run in a shuffled order (environment variable TAPER_EMULATOR_SEED), so that a missing
//   barrier shows;
// - new device memory and, at each block's start, shared memory hold NaN (all bits set);
// - a barrier or a warp function in which not all threads of the block or warp take part ends the program;
// - so does host code that touches device memory (blocks of up to 256 KB, while no more than 1 MB of such is
//   in use), and a kernel that is handed a pointer to host memory;
// - built with AddressSanitizer, it sees accesses outside of what was allocated.
// TAPER_EMULATOR_MEMORY limits the bytes that cudaMalloc hands out.
//
// What it can't see: races between plain reads and writes if every order of whole threads gives the right
// result, pointers to host memory inside of structures, too many __shared__ variables for one kernel, and how
// fast anything is.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cuda_emulator {

inline constexpr int warp_size = 32;
inline constexpr int max_threads = 1024;                  // of a block
inline constexpr std::size_t max_shared = 227 * 1024;     // bytes a block may ask for
inline constexpr std::size_t default_shared = 48 * 1024;  // without cudaFuncSetAttribute

// For a pool that keeps blocks of cudaMalloc: `bytes` of this block of `capacity` bytes are handed out (and
// hold NaN now), or all of it was taken back and may not be touched.
void hand_out(void* block, std::size_t bytes, std::size_t capacity);
void take_back(void* block, std::size_t capacity);

// As long as an Access lives on a thread, that thread may touch device memory.
class Access {
 public:
  Access();
  ~Access();
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;
};

// Does device memory that cudaMalloc handed out hold all these bytes?
bool is_device_memory(const void* begin, std::size_t bytes);

// Where in a kernel something happens.
struct Place {
  const char* function;  // of CUDA, such as "__syncthreads"
  const char* file;
  int line;
};

// What a kernel is: its address, and how to call it with its arguments.
struct Kernel {
  const void* address;
  void (*call)(const void* arguments);
  const void* arguments;
};

// Checks the configuration (0: fine, else a cudaError_t) and runs the kernel.
int run(const Kernel& kernel, const std::uint32_t (&grid)[3], const std::uint32_t (&block)[3],
        std::size_t shared_bytes);

// Ends the program unless argument `index` of the kernel (null is fine) points to device memory.
void check_pointer(const Kernel& kernel, int index, const void* pointer);

// Waits for all threads of the block, or for all lanes of the warp.
void wait_for_block(const Place& place);
// Each thread gives a predicate; returns how many of the block's threads gave true.
int count_in_block(bool predicate, const Place& place);
// Each lane gives 8 bytes and gets what all 32 gave; valid until the next call but one.
const std::uint64_t* exchange_in_warp(unsigned mask, std::uint64_t bits, const Place& place);
int lane();

// Copies that a thread has begun with __pipeline_memcpy_async happen only when it waits for them.
void copy_later(void* to, const void* from, std::size_t bytes, std::size_t zeros, const Place& place);
void commit_copies();
void wait_for_copies(std::size_t groups_left);

}  // namespace cuda_emulator
