// Swapping two axes: what transpose is made of.
#pragma once

#include "../backend.hpp"

namespace taper::kernels {

// The CPU works in tiles of this many rows and columns.
inline constexpr int swap_tile = 16;

// x, taken as an array of these extents, with rows and columns swapped, as a tensor of `shape`.
Tensor swap_axes(const char* op, const SwapExtents& extents, const Tensor& x, const Shape& shape);

}  // namespace taper::kernels
