// find_extremes: the places of the largest or smallest elements along an axis.
#include "../../../core/memory/array.hpp"
#include "../../../ops/kernels/axis_view.hpp"
#include "../cuda_backend.hpp"
#include "../index.hpp"
#include "../launch.cuh"
#include "../reduce_block.cuh"

#include <limits>

namespace taper::cuda {
namespace {

using kernels::AxisView;

constexpr int threads = 256;

// The best of a row, NaN if there is one, and then the first place that holds it: the threads agree on the
// value before they look for the place.
//
// Floor: 4 bytes an element for float32, 8 for float64. Rows are read twice, the second time from the caches
// if they are short. Unless inner is 1, a load of 32 bytes brings one element.
template <class Best, class T>
__global__ void __launch_bounds__(threads) find(T start, std::int64_t rows, std::int64_t length,
                                                std::int64_t inner, const T* x, std::int64_t* places) {
  for (std::int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const T* const from = x + column_start(row, length, inner);
    T best = start;
#pragma unroll 4
    for (std::int64_t i = threadIdx.x; i < length; i += threads) best = Best()(best, from[i * inner]);
    best = reduce_block(best, start, Best());
    std::int64_t place = length;
    for (std::int64_t i = threadIdx.x; i < length && place == length; i += threads) {
      const T value = from[i * inner];
      if (value == best || (value != value && best != best)) place = i;
    }
    place = reduce_block(place, length, Min());
    if (threadIdx.x == 0) places[row] = place;
  }
}

}  // namespace

void CudaBackend::find_extremes(bool smallest, const AxisView& view, const Tensor& x,
                                const internal::Array<std::int64_t>& places) const {
  const std::int64_t rows = view.outer * view.inner;
  dispatch(x.dtype(), [&]<class T>() {
    constexpr T infinity = std::numeric_limits<T>::infinity();
    launch("find_extremes", smallest ? find<Min, T> : find<Max, T>, blocks_for(rows, 1), threads, 0,
           smallest ? infinity : -infinity, rows, view.length, view.inner, pointer<T>(x), places.data());
  });
}

}  // namespace taper::cuda
