// Sums and maxima over a warp or a block, in an order that depends on the block's size alone.
#pragma once

#include "launch.cuh"

namespace taper::cuda {

struct Sum {
  template <class T>
  TAPER_HOST_DEVICE T operator()(T a, T b) const {
    return a + b;
  }
};
struct Product {
  template <class T>
  TAPER_HOST_DEVICE T operator()(T a, T b) const {
    return a * b;
  }
};

// NaN, once seen, stays, as in the CPU's kernels.
struct Max {
  template <class T>
  TAPER_HOST_DEVICE T operator()(T a, T b) const {
    return b > a || b != b ? b : a;
  }
};
struct Min {
  template <class T>
  TAPER_HOST_DEVICE T operator()(T a, T b) const {
    return b < a || b != b ? b : a;
  }
};

// combine of all 32 lanes' values, in each lane. combine is commutative.
template <class T, class Combine>
__device__ T reduce_warp(T value, Combine combine) {
  for (int other = warp_size / 2; other > 0; other /= 2) {
    value = combine(value, __shfl_xor_sync(all_lanes, value, other));
  }
  return value;
}

// combine of the values of all threads of a one-dimensional block of whole warps, in each thread; `neutral`
// changes nothing when it is combined. Every thread of the block calls it. It has two barriers, so that calls
// may follow each other.
template <class T, class Combine>
__device__ T reduce_block(T value, T neutral, Combine combine) {
  __shared__ T of_warp[warp_size];
  const int lane = static_cast<int>(threadIdx.x) % warp_size;
  const int warps = static_cast<int>(blockDim.x) / warp_size;
  value = reduce_warp(value, combine);
  if (lane == 0) of_warp[threadIdx.x / warp_size] = value;
  __syncthreads();
  // Each warp reduces the warps' values by itself: no second trip through shared memory.
  value = reduce_warp(lane < warps ? of_warp[lane] : neutral, combine);
  __syncthreads();
  return value;
}

}  // namespace taper::cuda
