// The sparse pattern sorted by columns: a counting sort that is stable, so that each column's entries come in
// ascending order of their rows, and that waits for nothing and nobody.
//
// The rows of each problem are divided into chunks. All warps at once count the entries of each column in
// each chunk, in integers, whose sum is the same in any order. From these counts follows where each column
// begins, and where in it each chunk begins. Then one warp for each chunk puts the entries in their places,
// row after row. The columns of a row differ, so that its slots don't get in each other's way.
//
// Floor for each slot: its column is read twice and an entry of 12 bytes is written, 20 bytes in all, or
// 336 MB for 256 problems of n = 4096, k = 16. The counts, at most one a slot, are set, counted, summed
// up and used, which adds as much again. Placing the entries takes chunk_rows steps, each with one trip
// to the counts.
#include "../../../core/memory/array.hpp"
#include "../../../ops/kernels/attention/sparse_pattern.hpp"
#include "../cuda_backend.hpp"
#include "../reduce_block.cuh"

namespace taper::cuda {
namespace {

using kernels::SparsePattern;

constexpr const char* op = "sparse_attention";
constexpr int threads = 256;

struct Sort {
  std::int64_t batch, n, m, k;
  std::int64_t chunk_rows, chunks;  // of a problem
  const std::int32_t* sizes;
  const std::int32_t* columns;
  std::int32_t* counts;  // (batch, chunks, m)
  std::int64_t* starts;
  std::int64_t* slots;
  std::int32_t* rows;
  std::int32_t* has_nan_row;

  __device__ std::int32_t* counts_of(std::int64_t b, std::int64_t chunk) const {
    return counts + (b * chunks + chunk) * m;
  }
};

// Counts the entries of each column in each chunk. A warp works for one row at a time.
__global__ void __launch_bounds__(threads, 2) count_entries(Sort s) {
  const int lane = static_cast<int>(threadIdx.x) % warp_size;
  for (std::int64_t b = blockIdx.y; b < s.batch; b += gridDim.y) {
    for (std::int64_t i = first_item() / warp_size; i < s.n; i += item_stride() / warp_size) {
      const std::int64_t row = b * s.n + i;
      const int size = s.sizes[row];
      std::int32_t* const counts = s.counts_of(b, i / s.chunk_rows);
      for (int slot = lane; slot < size; slot += warp_size)
        atomicAdd(counts + s.columns[row * s.k + slot], 1);
    }
  }
}

// For each column, turns the number of entries in each chunk into the number in all chunks before it. The sum
// over all chunks goes to starts. A thread works for one column.
__global__ void __launch_bounds__(threads, 2) add_up_chunks(Sort s) {
  for (std::int64_t b = blockIdx.y; b < s.batch; b += gridDim.y) {
    for (std::int64_t j = first_item(); j < s.m; j += item_stride()) {
      std::int32_t sum = 0;
#pragma unroll 4
      for (std::int64_t chunk = 0; chunk < s.chunks; ++chunk) {
        std::int32_t& count = s.counts_of(b, chunk)[j];
        const std::int32_t before = sum;
        sum += count;
        count = before;
      }
      s.starts[b * (s.m + 1) + j] = sum;
    }
  }
}

// The sum over the threads before this one; `all` becomes the sum over all threads of the block.
__device__ std::int64_t sum_of_threads_before(std::int64_t value, std::int64_t& all) {
  __shared__ std::int64_t of_warp[threads / warp_size];
  const int lane = static_cast<int>(threadIdx.x) % warp_size,
            warp = static_cast<int>(threadIdx.x) / warp_size;
  std::int64_t sum = value;
  for (int distance = 1; distance < warp_size; distance *= 2) {
    const std::int64_t other = __shfl_up_sync(all_lanes, sum, distance);
    if (lane >= distance) sum += other;
  }
  if (lane == warp_size - 1) of_warp[warp] = sum;
  __syncthreads();
  std::int64_t before = 0;
  all = 0;
  for (int w = 0; w < threads / warp_size; ++w) {
    if (w == warp) before = all;
    all += of_warp[w];
  }
  __syncthreads();
  return before + sum - value;
}

// Turns the number of entries of each column into the place at which they begin, and looks for NaN rows. A
// block works for one problem.
__global__ void __launch_bounds__(threads) find_starts(Sort s) {
  const int thread = static_cast<int>(threadIdx.x);
  for (std::int64_t b = blockIdx.x; b < s.batch; b += gridDim.x) {
    std::int64_t* const starts = s.starts + b * (s.m + 1);
    std::int64_t begin = b * s.n * s.k;
    for (std::int64_t j0 = 0; j0 < s.m; j0 += threads) {
      const std::int64_t j = j0 + thread;
      std::int64_t all;
      const std::int64_t before = sum_of_threads_before(j < s.m ? starts[j] : 0, all);
      if (j < s.m) starts[j] = begin + before;
      begin += all;
    }
    bool has_nan_row = false;
    for (std::int64_t i = thread; i < s.n; i += threads)
      has_nan_row |= s.sizes[b * s.n + i] == SparsePattern::nan_row;
    has_nan_row = __syncthreads_or(has_nan_row);
    if (thread == 0) {
      starts[s.m] = begin;
      s.has_nan_row[b] = has_nan_row;
    }
  }
}

// Puts the entries in their places. A warp works for one chunk.
__global__ void __launch_bounds__(threads, 2) place_entries(Sort s) {
  const int lane = static_cast<int>(threadIdx.x) % warp_size;
  for (std::int64_t item = first_item() / warp_size; item < s.batch * s.chunks;
       item += item_stride() / warp_size) {
    const std::int64_t b = item / s.chunks, first = item % s.chunks * s.chunk_rows;
    const std::int64_t* const starts = s.starts + b * (s.m + 1);
    std::int32_t* const counts = s.counts + item * s.m;
#pragma unroll 1
    for (std::int64_t i = first; i < min(first + s.chunk_rows, s.n); ++i) {
      const std::int64_t row = b * s.n + i;
      const int size = s.sizes[row];
      for (int slot = lane; slot < size; slot += warp_size) {
        const std::int32_t column = s.columns[row * s.k + slot];
        const std::int64_t entry = starts[column] + counts[column]++;
        s.slots[entry] = row * s.k + slot;
        s.rows[entry] = static_cast<std::int32_t>(i);
      }
      __syncwarp();  // the next row sees these counts
    }
  }
}

}  // namespace

void CudaBackend::transpose_pattern(const SparsePattern& pattern,
                                    SparsePattern::Transposed& transposed) const {
  const std::int64_t batch = pattern.batch, n = pattern.n, m = pattern.m, k = pattern.k;
  if (batch == 0) return;
  // At most about one count a slot, and chunks long enough that their starts don't outweigh them.
  const std::int64_t chunk_rows = std::max<std::int64_t>(32, k == 0 ? 0 : (m + k - 1) / k);
  const std::int64_t chunks = (n + chunk_rows - 1) / chunk_rows;
  const taper::internal::Array<std::int32_t> counts(op, Device::cuda(), batch * chunks * m);
  const Sort sort{batch,
                  n,
                  m,
                  k,
                  chunk_rows,
                  chunks,
                  pattern.sizes.data(),
                  pattern.columns.data(),
                  counts.data(),
                  transposed.starts.data(),
                  transposed.slots.data(),
                  transposed.rows.data(),
                  transposed.has_nan_row.data()};
  const auto problems = static_cast<unsigned>(std::min<std::int64_t>(batch, 65535));
  if (counts.size() > 0) {
    check(cudaMemsetAsync(counts.data(), 0, static_cast<std::size_t>(counts.size()) * sizeof(std::int32_t),
                          stream()),
          op);
    launch(op, count_entries, dim3(blocks_for(n * warp_size, threads), problems), threads, 0, sort);
  }
  if (m > 0) launch(op, add_up_chunks, dim3(blocks_for(m, threads), problems), threads, 0, sort);
  launch(op, find_starts, problems, threads, 0, sort);
  if (counts.size() > 0) {
    launch(op, place_entries, blocks_for(batch * chunks * warp_size, threads), threads, 0, sort);
  }
}

}  // namespace taper::cuda
