// Products of small blocks within a kernel's own loop: one call of OpenBLAS on the calling thread.
#pragma once

#include <cstdint>

namespace taper::kernels {

// C = A B, or C + A B if it `adds`, for contiguous row-major A (m, k), B (k, n), C (m, n).
void multiply_block(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b, bool adds,
                    float* c);
void multiply_block(std::int64_t m, std::int64_t n, std::int64_t k, const double* a, const double* b,
                    bool adds, double* c);

}  // namespace taper::kernels
