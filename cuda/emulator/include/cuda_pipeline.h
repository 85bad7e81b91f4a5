// Asynchronous copies from global to shared memory. They happen when the thread waits for them, so that a
// kernel which reads too early reads what was there before.
#pragma once

#include <cuda_runtime.h>

inline void __pipeline_memcpy_async(void* to, const void* from, std::size_t bytes, std::size_t zeros = 0,
                                    CUDA_EMULATOR_PLACE) {
  cuda_emulator::copy_later(to, from, bytes, zeros, {"__pipeline_memcpy_async", file, line});
}
inline void __pipeline_commit() { cuda_emulator::commit_copies(); }
inline void __pipeline_wait_prior(std::size_t groups_left) { cuda_emulator::wait_for_copies(groups_left); }
