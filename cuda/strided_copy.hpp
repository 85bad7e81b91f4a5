// Copying elements between any two loop nests.
#pragma once

#include <taper/core/tensor.hpp>
#include <taper/cuda/index.hpp>

namespace taper::cuda {

// y[offset_1] = x[offset_0] for each turn of the nest, whose operands are x and y. No two turns write to one
// place. The writes are neighbours in memory where the innermost loop's are in y.
void strided_copy(const char* op, const Nest<2>& nest, const Tensor& x, Tensor& y);

}  // namespace taper::cuda
