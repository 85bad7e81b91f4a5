// cumsum: running sums along an axis.
#include "../../../ops/kernels/axis_view.hpp"
#include "../cuda_backend.hpp"
#include "../index.hpp"
#include "../launch.cuh"

namespace taper::cuda {
namespace {

using kernels::AxisView;

constexpr int threads = 256, warps = threads / warp_size;

// The running sums of each row, 256 elements at a time: those of a warp by shuffles, then the totals of the
// warps before it.
//
// Floor: 8 bytes an element for float32, 16 for float64. Unless inner is 1, a load of 32 bytes brings one
// element.
template <class T>
__global__ void __launch_bounds__(threads) scan_rows(std::int64_t rows, std::int64_t length,
                                                     std::int64_t inner, bool is_reversed, const T* x, T* y) {
  __shared__ double of_warp[warps];
  const int lane = static_cast<int>(threadIdx.x) % warp_size,
            warp = static_cast<int>(threadIdx.x) / warp_size;
  for (std::int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const std::int64_t start = column_start(row, length, inner);
    double carry = 0;
    for (std::int64_t base = 0; base < length; base += threads) {
      const std::int64_t i = base + threadIdx.x;
      const std::int64_t place = start + (is_reversed ? length - 1 - i : i) * inner;
      double sum = i < length ? static_cast<double>(x[place]) : 0;
      for (int distance = 1; distance < warp_size; distance *= 2) {
        const double before = __shfl_up_sync(all_lanes, sum, static_cast<unsigned>(distance));
        if (lane >= distance) sum += before;
      }
      if (lane == warp_size - 1) of_warp[warp] = sum;
      __syncthreads();
      double before = carry;
      for (int w = 0; w < warps; ++w) {
        if (w == warp) before = carry;
        carry += of_warp[w];
      }
      __syncthreads();
      if (i < length) y[place] = static_cast<T>(before + sum);
    }
  }
}

// The same if there are many rows side by side: a thread has a row, and its neighbours the rows beside it.
//
// Floor: 8 bytes an element for float32, 16 for float64.
template <class T>
__global__ void __launch_bounds__(threads)
    scan_columns(std::int64_t rows, std::int64_t length, std::int64_t inner, bool is_reversed, const T* x,
                 T* y) {
  for (std::int64_t row = first_item(); row < rows; row += item_stride()) {
    const std::int64_t start = column_start(row, length, inner);
    double sum = 0;
#pragma unroll 4
    for (std::int64_t i = 0; i < length; ++i) {
      const std::int64_t place = start + (is_reversed ? length - 1 - i : i) * inner;
      sum += static_cast<double>(x[place]);
      y[place] = static_cast<T>(sum);
    }
  }
}

}  // namespace

void CudaBackend::cumsum(const AxisView& view, bool is_reversed, const Tensor& x, Tensor& y) const {
  const std::int64_t rows = view.outer * view.inner;
  const bool takes_columns = view.inner >= warp_size;
  dispatch(x.dtype(), [&]<class T>() {
    launch("cumsum", takes_columns ? scan_columns<T> : scan_rows<T>,
           takes_columns ? blocks_for(rows, threads) : blocks_for(rows, 1), threads, 0, rows, view.length,
           view.inner, is_reversed, pointer<T>(x), pointer<T>(y));
  });
}

}  // namespace taper::cuda
