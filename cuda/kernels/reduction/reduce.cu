// reduce: sums, products, maxima, minima and sums of squares over any axes. reduce_passes.hpp cuts the work
// into passes.
#include "../../../core/memory/array.hpp"
#include "../cuda_backend.hpp"
#include "../pack.cuh"
#include "../reduce_block.cuh"
#include "reduce_passes.hpp"

#include <limits>

namespace taper::cuda {
namespace {

// How elements are loaded: summed and multiplied in float64, compared as they are.
struct InDouble {
  template <class T>
  using Accumulator = double;
  template <class T>
  __device__ static double load(T x) {
    return static_cast<double>(x);
  }
};
struct AsTheyAre {
  template <class T>
  using Accumulator = T;
  template <class T>
  __device__ static T load(T x) {
    return x;
  }
};

// What is folded: elements are loaded as accumulators, which combine; Next folds what one pass leaves.
struct Sums : Sum, InDouble {
  static constexpr double start = 0;
  using Next = Sums;
};
struct SumsOfSquares : Sums {
  template <class T>
  __device__ static double load(T x) {
    return static_cast<double>(x) * static_cast<double>(x);
  }
};
struct Products : Product, InDouble {
  static constexpr double start = 1;
  using Next = Products;
};
struct Maxima : Max, AsTheyAre {
  static constexpr float start = -std::numeric_limits<float>::infinity();
  using Next = Maxima;
};
struct Minima : Min, AsTheyAre {
  static constexpr float start = std::numeric_limits<float>::infinity();
  using Next = Minima;
};

constexpr int unrolled = 4;  // packs a thread loads before it folds any
// Blocks that a multiprocessor should hold. (Unless a number is given, ptxas aims at more threads with fewer
// registers each, too few for so many packs.)
[[maybe_unused]] constexpr int blocks_at_once = 4;  // the emulator has no use for it

// For each of a pack's elements by itself, the total of x[begin], x[begin + step], … before `end`; `each`
// packs are under way at once.
template <class Fold, int width, class In>
struct Totals {
  using A = typename Fold::template Accumulator<In>;
  A of[width];

  __device__ Totals(const In* x, std::int64_t begin, std::int64_t end, std::int64_t step,
                    std::int64_t stride) {
    for (A& total : of) total = Fold::start;
    std::int64_t i = begin;
    for (; i + (unrolled - 1) * step < end; i += unrolled * step) {
      Pack<In, width> packs[unrolled];
      for (int u = 0; u < unrolled; ++u) packs[u] = load_pack<width>(x + (i + u * step) * stride);
      for (const Pack<In, width>& pack : packs) add(pack);
    }
    for (; i < end; i += step) add(load_pack<width>(x + i * stride));
  }
  __device__ void add(const Pack<In, width>& pack) {
    for (int j = 0; j < width; ++j) of[j] = Fold()(of[j], Fold::load(pack.at[j]));
  }
};

// y[row, part] from x (rows, length): `lanes` threads share a part of a row, up to a warp or the whole block.
//
// The floor: x is read once. (float32 sums convert each element to float64, of which a multiprocessor does 16
// a clock on the devices made for computing: 2 to 4 times as fast as memory.)
template <class Fold, int width, class In, class Out>
__global__ void __launch_bounds__(reduction_threads, blocks_at_once)
    reduce_rows(const In* x, std::int64_t rows, std::int64_t length, std::int64_t part_length, int lanes,
                Out* y) {
  using A = typename Fold::template Accumulator<In>;
  const int lane = static_cast<int>(threadIdx.x) & (lanes - 1);
  const std::int64_t row = first_item() / lanes, begin = blockIdx.y * part_length;
  const std::int64_t packs = row < rows ? min(length, begin + part_length) / width : 0;
  const Totals<Fold, width, In> totals(x + row * length, begin / width + lane, packs, lanes, width);
  A total = totals.of[0];
  for (int j = 1; j < width; ++j) total = Fold()(total, totals.of[j]);
  if (lanes > warp_size) {
    total = reduce_block<A>(total, Fold::start, Fold());
  } else {
    for (int other = lanes / 2; other > 0; other /= 2)
      total = Fold()(total, __shfl_xor_sync(all_lanes, total, other));
  }
  if (lane == 0 && row < rows) y[row * gridDim.y + blockIdx.y] = static_cast<Out>(total);
}

// y[part, batch, column] from x (batch, length, columns): neighbouring threads take neighbouring packs of
// columns, and `lanes` of them share a pack, each taking every `lanes`-th row of the part.
//
// The floor: x is read once.
template <class Fold, int width, class In, class Out>
__global__ void __launch_bounds__(reduction_threads, blocks_at_once)
    reduce_columns(const In* x, std::int64_t results, std::int64_t length, std::int64_t columns,
                   std::int64_t part_length, int lanes, Out* y) {
  using A = typename Fold::template Accumulator<In>;
  __shared__ A shared[width][reduction_threads];
  const int thread = static_cast<int>(threadIdx.x), neighbours = reduction_threads / lanes;
  const int lane = thread / neighbours;
  const std::int64_t result = (std::int64_t{blockIdx.x} * neighbours + thread % neighbours) * width;
  const std::int64_t begin = blockIdx.y * part_length;
  const bool is_inside = result < results;
  const Totals<Fold, width, In> totals(x + (is_inside ? column_start(result, length, columns) : 0),
                                       begin + lane, is_inside ? min(length, begin + part_length) : 0, lanes,
                                       columns);
  for (int j = 0; j < width; ++j) shared[j][thread] = totals.of[j];
  for (int half = lanes / 2; half > 0; half /= 2) {
    __syncthreads();
    if (lane >= half) continue;
    for (int j = 0; j < width; ++j)
      shared[j][thread] = Fold()(shared[j][thread], shared[j][thread + half * neighbours]);
  }
  if (lane != 0 || !is_inside) return;
  Pack<Out, width> out;
  for (int j = 0; j < width; ++j) out.at[j] = static_cast<Out>(shared[j][thread]);
  store_pack(out, y + blockIdx.y * results + result);
}

template <class Fold, int width, class In, class Out>
void run(const ReducePass& pass, const In* x, Out* y) {
  const dim3 blocks(static_cast<unsigned>(pass.blocks()), static_cast<unsigned>(pass.parts));
  if (pass.is_of_rows()) {
    launch("reduce", reduce_rows<Fold, width, In, Out>, blocks, reduction_threads, 0, x, pass.batch,
           pass.length, pass.part_length, pass.lanes, y);
  } else {
    launch("reduce", reduce_columns<Fold, width, In, Out>, blocks, reduction_threads, 0, x,
           pass.batch * pass.columns, pass.length, pass.columns, pass.part_length, pass.lanes, y);
  }
}

// Pass by pass; each leaves accumulators to the next.
template <class Fold, class In, class Out>
void reduce_loops(const ReduceLoops& loops, Device device, const In* x, Out* y) {
  constexpr int widest = widest_pack<In>;
  const ReducePass pass = first_pass(loops, is_aligned(x) ? widest : 1);
  const auto run_into = [&]<class To>(To* to) {
    pass.width == 1 ? run<Fold, 1>(pass, x, to) : run<Fold, widest>(pass, x, to);
  };
  if (pass.is_last) return run_into(y);
  using A = typename Fold::template Accumulator<In>;
  const internal::Array<A> left("reduce", device, pass.results());
  run_into(left.data());
  reduce_loops<typename Fold::Next>(pass.next, device, left.data(), y);
}

// The results of nothing, or those of x.
template <class Fold, class T, class Result = T>
void reduce_all(const kernels::ReducePlan& plan, const Tensor& x, Tensor& y) {
  if (x.size() == 0) {
    const auto start = static_cast<double>(Fold::start);
    return internal::device_memory("reduce", y.device()).fill(y.dtype(), y.impl().data, y.size(), start);
  }
  reduce_loops<Fold>(loops_of(plan), x.device(), pointer<T>(x), pointer<Result>(y));
}

}  // namespace

void CudaBackend::reduce(kernels::Reduction what, const kernels::ReducePlan& plan, const Tensor& x,
                         Tensor& y) const {
  if (y.size() == 0) return;
  dispatch(x.dtype(), [&]<class T>() {
    switch (what) {
      using enum kernels::Reduction;
      case sum:
        return reduce_all<Sums, T>(plan, x, y);
      case product:
        return reduce_all<Products, T>(plan, x, y);
      case max:
        return reduce_all<Maxima, T>(plan, x, y);
      case min:
        return reduce_all<Minima, T>(plan, x, y);
      case sum_of_squares:
        return reduce_all<SumsOfSquares, T, double>(plan, x, y);
    }
  });
}

}  // namespace taper::cuda
