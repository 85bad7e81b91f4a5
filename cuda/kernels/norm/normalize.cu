// layer_norm's and rms_norm's kernels: ops/kernels/norm/normalize.hpp has the formulas.
#include "../../../core/memory/array.hpp"
#include "../../../ops/kernels/norm/normalize.hpp"
#include "../cuda_backend.hpp"
#include "../rows.cuh"

namespace taper::cuda {
namespace {

using kernels::Normalization;

// What is kept of a row, as on the CPU: m = shift + rest, r = scale.
template <class T>
struct RowMoments {
  T shift, rest, scale;

  // u for an element.
  __device__ T unit(T x) const { return (x - shift - rest) * scale; }
};

template <class T>
RowMoments<T>* moments_of(Tensor& moments) {
  return reinterpret_cast<RowMoments<T>*>(pointer<T>(moments));
}
template <class T>
const RowMoments<T>* moments_of(const Tensor& moments) {
  return reinterpret_cast<const RowMoments<T>*>(pointer<T>(moments));
}

std::int64_t rows_of(const Tensor& x) { return x.extent(-1) == 0 ? 0 : x.size() / x.extent(-1); }

// Two sums at once.
struct Two {
  double a = 0, b = 0;
};
template <class Group>
__device__ Two total_of(const Two& mine) {
  return {Group::reduce(mine.a, 0.0, Sum()), Group::reduce(mine.b, 0.0, Sum())};
}

// y = gain u + bias and the moments of each row of x (rows, n).
//
// Floor: 8 bytes an element for float32, 16 for float64: each is read once and written once; gain and bias
// stay in the caches. Rows that do not fit into registers are read three times.
template <class Row, class T>
__global__ void __launch_bounds__(Row::Threads::max_threads_per_block, least_blocks<Row>)
    forward(bool centers, double epsilon, std::int64_t rows, std::int64_t n, const T* x, const T* gain,
            const T* bias, T* y, RowMoments<T>* moments) {
  using Group = typename Row::Threads;
  const auto count = static_cast<double>(n);
  for_each_row<Group>(rows, [&](std::int64_t r) {
    Row row(x + r * n, n, 0);
    RowMoments<T> m{0, 0, 0};
    if (centers) {
      double sum = 0;
      row.for_each([&](const auto& pack, auto) {  // the padding adds nothing
        for (int e = 0; e < Row::width; ++e) sum += static_cast<double>(pack.at[e]);
      });
      m.shift = static_cast<T>(Group::reduce(sum, 0.0, Sum()) / count);
    }
    // What the rounding of the mean has missed shows in the mean of the differences.
    Two sums;
    row.for_each([&](const auto& pack, auto first) {
      if (!is_within(first, n)) return;
      for (int e = 0; e < Row::width; ++e) {
        const auto difference = static_cast<double>(pack.at[e] - m.shift);
        sums.a += difference;
        sums.b += difference * difference;
      }
    });
    sums = total_of<Group>(sums);
    const double missed = centers ? sums.a / count : 0;
    const double squares = sums.b / count - missed * missed;  // NaN stays NaN below
    m.rest = static_cast<T>(missed);
    m.scale = static_cast<T>(1 / std::sqrt((squares < 0 ? 0 : squares) + epsilon));
    if (Group::warp() == 0 && lane_index() == 0) moments[r] = m;

    T* const out = y + r * n;
    row.for_each([&](const auto& pack, auto first) {
      if (!is_within(first, n)) return;
      const auto factor = load_pack<Row::width>(gain + first);
      Pack<T, Row::width> result;
      for (int e = 0; e < Row::width; ++e) result.at[e] = factor.at[e] * m.unit(pack.at[e]);
      if (bias) {
        const auto offset = load_pack<Row::width>(bias + first);
        for (int e = 0; e < Row::width; ++e) result.at[e] += offset.at[e];
      }
      store_pack(result, out + first);
    });
  });
}

// dx = r (g - mean(g) - u mean(g u)) with g = gain dy for each row; all but gain are (rows, n).
//
// Floor: 12 bytes an element for float32, 24 for float64: x and dy are read once, dx is written once.
template <class Row, class T>
__global__ void __launch_bounds__(Row::Threads::max_threads_per_block, least_blocks<Row>)
    backward(bool centers, std::int64_t rows, std::int64_t n, const T* dy, const T* x, const T* gain,
             const RowMoments<T>* moments, T* dx) {
  using Group = typename Row::Threads;
  const auto count = static_cast<double>(n);
  for_each_row<Group>(rows, [&](std::int64_t r) {
    Row row(x + r * n, n, 0), cotangent(dy + r * n, n, 0);
    const RowMoments<T> m = moments[r];
    Two sums;
    row.for_each_pair(cotangent, [&](const auto& pack, const auto& dy_pack, auto first) {
      if (!is_within(first, n)) return;
      const auto factor = load_pack<Row::width>(gain + first);
      for (int e = 0; e < Row::width; ++e) {
        const T g = factor.at[e] * dy_pack.at[e];
        sums.a += static_cast<double>(g);
        sums.b += static_cast<double>(g) * static_cast<double>(m.unit(pack.at[e]));
      }
    });
    sums = total_of<Group>(sums);
    const T mean_g = centers ? static_cast<T>(sums.a / count) : T{0};
    const T mean_gu = static_cast<T>(sums.b / count);
    T* const out = dx + r * n;
    row.for_each_pair(cotangent, [&](const auto& pack, const auto& dy_pack, auto first) {
      if (!is_within(first, n)) return;
      const auto factor = load_pack<Row::width>(gain + first);
      Pack<T, Row::width> result;
      for (int e = 0; e < Row::width; ++e) {
        const T g = factor.at[e] * dy_pack.at[e];
        result.at[e] = m.scale * (g - mean_g - m.unit(pack.at[e]) * mean_gu);
      }
      store_pack(result, out + first);
    });
  });
}

// How column sums are divided: a block has 32 columns, which each of its warps adds up over other rows.
constexpr int column_warps = 8;

// The block's sums over its warps, in the first warp.
__device__ double sum_of_warps(double sum) {
  __shared__ double sums[column_warps][warp_size];
  const int lane = lane_index(), warp = static_cast<int>(threadIdx.x) / warp_size;
  sums[warp][lane] = sum;
  __syncthreads();
  double total = 0;
  for (int other = 0; other < column_warps; ++other) total += sums[other][lane];
  return total;
}

// sums[b][i] = the sum of dy u in column i over block b of `rows_per_part` rows; dy and x are (rows, n).
//
// Floor: 8 bytes an element for float32, 16 for float64: dy and x are read once.
template <class T>
__global__ void __launch_bounds__(column_warps* warp_size)
    sum_columns(std::int64_t rows, std::int64_t rows_per_part, std::int64_t n, const T* dy, const T* x,
                const RowMoments<T>* moments, double* sums) {
  const std::int64_t tiles = (n + warp_size - 1) / warp_size, part = blockIdx.x / tiles;
  const std::int64_t column = blockIdx.x % tiles * warp_size + lane_index();
  const std::int64_t end = min(rows, (part + 1) * rows_per_part);
  double sum = 0;
  if (column < n) {
#pragma unroll 4
    for (std::int64_t row = part * rows_per_part + threadIdx.x / warp_size; row < end; row += column_warps) {
      const std::int64_t at = row * n + column;
      sum += static_cast<double>(dy[at]) * static_cast<double>(moments[row].unit(x[at]));
    }
  }
  sum = sum_of_warps(sum);
  if (threadIdx.x < warp_size && column < n) sums[part * n + column] = sum;
}

// dgain[i] = the sum of sums[b][i] over all parts b.
template <class T>
__global__ void __launch_bounds__(column_warps* warp_size)
    sum_parts(std::int64_t parts, std::int64_t n, const double* sums, T* dgain) {
  const std::int64_t column = std::int64_t{blockIdx.x} * warp_size + lane_index();
  double sum = 0;
  if (column < n) {
#pragma unroll 4
    for (std::int64_t part = threadIdx.x / warp_size; part < parts; part += column_warps) {
      sum += sums[part * n + column];
    }
  }
  sum = sum_of_warps(sum);
  if (threadIdx.x < warp_size && column < n) dgain[column] = static_cast<T>(sum);
}

}  // namespace

void CudaBackend::normalize(const Normalization& which, const Tensor& x, const Tensor& gain,
                            const Tensor* bias, Tensor& y, Tensor& moments) const {
  const std::int64_t n = x.extent(-1), rows = rows_of(x);
  dispatch(x.dtype(), [&]<class T>() {
    with_row<T>(rows, n, [&]<class Row>(unsigned blocks, int threads) {
      launch(which.op, forward<Row, T>, blocks, threads, 0, which.centers, which.epsilon, rows, n,
             pointer<T>(x), pointer<T>(gain), bias ? pointer<T>(*bias) : nullptr, pointer<T>(y),
             moments_of<T>(moments));
    });
  });
}

void CudaBackend::normalize_dx(const Normalization& which, const Tensor& dy, const Tensor& x,
                               const Tensor& gain, const Tensor& moments, Tensor& dx) const {
  const std::int64_t n = x.extent(-1), rows = rows_of(x);
  dispatch(x.dtype(), [&]<class T>() {
    with_row<T, 2>(rows, n, [&]<class Row>(unsigned blocks, int threads) {
      launch(which.op, backward<Row, T>, blocks, threads, 0, which.centers, rows, n, pointer<T>(dy),
             pointer<T>(x), pointer<T>(gain), moments_of<T>(moments), pointer<T>(dx));
    });
  });
}

void CudaBackend::normalize_dgain(const Normalization& which, const Tensor& dy, const Tensor& x,
                                  const Tensor& moments, Tensor& dgain) const {
  const std::int64_t n = x.extent(-1), rows = rows_of(x);
  if (n == 0) return;
  // At least 64 rows a part and at most 512 parts, so that the parts are soon added up.
  const std::int64_t rows_per_part = std::max<std::int64_t>(64, (rows + 511) / 512);
  const std::int64_t parts = (rows + rows_per_part - 1) / rows_per_part;
  const std::int64_t tiles = (n + warp_size - 1) / warp_size;
  constexpr int threads = column_warps * warp_size;
  const internal::Array<double> sums(which.op, x.device(), parts * n);
  dispatch(x.dtype(), [&]<class T>() {
    if (parts > 0) {
      launch(which.op, sum_columns<T>, blocks_for(tiles * parts, 1), threads, 0, rows, rows_per_part, n,
             pointer<T>(dy), pointer<T>(x), moments_of<T>(moments), sums.data());
    }
    launch(which.op, sum_parts<T>, blocks_for(tiles, 1), threads, 0, parts, n, sums.data(),
           pointer<T>(dgain));
  });
}

}  // namespace taper::cuda
