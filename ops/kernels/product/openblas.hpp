// What every call of OpenBLAS has to know. (Its own <cblas.h> clashes with xtensor-blas's.)
#pragma once

#include <cstdint>

namespace taper::kernels {

// OpenBLAS computes each product on the thread that asks for it; the threads are parallel_for's. To be called
// before a product.
void make_openblas_single_threaded();

// On processors with AVX-512, OpenBLAS has float32 kernels for products of up to a million multiplications,
// which copy nothing beforehand. They ran at 112 GF/s and the others at 96, so that it pays to cut a product
// with a small matrix into slices of that size.
inline constexpr std::int64_t largest_slice = 1'000'000;
bool has_kernels_for_slices();

}  // namespace taper::kernels
