// What clipping does to gradients: the sum of their squares, and scaling them.
#pragma once

#include "../../../core/memory/pool.hpp"
#include "../../../core/tensor.hpp"

namespace taper::kernels {

// The sum of the squares of all elements of these tensors, of any dtypes and devices, in float64. It is the
// same for any number of threads. If there are tensors on a device, waits for it once.
double sum_of_squares(const internal::PoolVector<Tensor>& tensors);

// x <- factor x, in place, for each of these tensors.
void scale(internal::PoolVector<Tensor>& tensors, double factor);

}  // namespace taper::kernels
