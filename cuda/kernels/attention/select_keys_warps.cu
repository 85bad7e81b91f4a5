// select_keys, a warp a query: for float64, and for what the tiles of select_keys_tiles.cu don't take.
//
// A block copies 32 keys at a time to shared memory, 32 elements of each. Each of its 8 warps multiplies them
// with its own query: a lane a key. Products are summed up in ascending order, as in the tiles, so that both
// kernels find the same scores, bit for bit.
//
// Floor: 2 batch n m d operations. But each multiplication takes two loads from shared memory, where 32 words
// come in a cycle, so that it can't run faster than a quarter of 32 lanes a cycle of each SM's four
// schedulers: an eighth of the float32 rate, a quarter of the float64 rate of an H200.
#include "../../../core/memory/array.hpp"
#include "candidates.cuh"
#include "select_keys.cuh"

#include <cmath>

namespace taper::cuda {
namespace {

constexpr int warps = 8;
constexpr int threads = warps * warp_size;
constexpr int max_blocks = 1056;  // at a time: 8 for each SM of an H200; each has lists for its candidates

template <class T>
__global__ void __launch_bounds__(threads, 3)
    select_by_warps(SelectKeysCall<T> a, Candidate<T>* lists, std::int64_t capacity, int limit) {
  __shared__ T keys[warp_size][warp_size + 1];  // one column more, so that a column lies in all banks
  __shared__ T queries[warps][warp_size];
  const int lane = lane_index(), warp = static_cast<int>(threadIdx.x) / warp_size;
  Candidate<T>* const list = lists + (std::int64_t{blockIdx.x} * warps + warp) * capacity;
  const std::int64_t blocks = (std::int64_t{a.n} + warps - 1) / warps;
  for (std::int64_t item = blockIdx.x; item < a.batch * blocks; item += gridDim.x) {
    const std::int64_t b = item / blocks;
    const int i0 = static_cast<int>(item % blocks) * warps, count = min(warps, a.n - i0);
    const int i = i0 + min(warp, count - 1);
    const T* const query = a.queries + (b * a.n + i) * a.d;
    const T* const mask = a.mask_of(b, i);
    Candidates<T> row{list};
    const std::int64_t end = a.visible(i0 + count - 1);  // the last query sees the most keys
    for (std::int64_t j0 = 0; j0 < end; j0 += warp_size) {
      T score = 0;
      for (std::int64_t p0 = 0; p0 < a.d; p0 += warp_size) {
        const int length = static_cast<int>(min(std::int64_t{warp_size}, a.d - p0));
        __syncthreads();  // the last 32 elements have been used
        for (int r = warp; r < warp_size; r += warps) {
          if (lane < length && j0 + r < a.m) keys[r][lane] = a.keys[(b * a.m + j0 + r) * a.d + p0 + lane];
        }
        if (lane < length) queries[warp][lane] = query[p0 + lane];
        __syncthreads();
        for (int p = 0; p < length; ++p) score = std::fma(queries[warp][p], keys[lane][p], score);
      }
      score *= a.scale;
      const std::int64_t j = j0 + lane;
      if (j >= a.visible(i) || (mask && mask[j] == 0)) score = -infinity<T>;
      const bool is_candidate = !(score <= row.threshold);
      const unsigned lanes = __ballot_sync(all_lanes, is_candidate);
      if (is_candidate)
        row.list[row.count + __popc(lanes & lanes_below())] = {score, static_cast<std::int32_t>(j)};
      row.count += __popc(lanes);
      if (row.count > limit) row = pruned(row, a.k, a.k + a.k / 2);
    }
    __syncwarp();
    if (warp >= count) continue;
    const std::int64_t at = b * a.n + i;
    finish(row, a.k, a.sizes + at, a.columns + at * a.k, a.probabilities + at * a.k);
    __syncwarp();  // the next query fills the same list
  }
}

}  // namespace

template <class T>
void select_keys_by_warps(const SelectKeysCall<T>& a) {
  const std::int64_t items = a.batch * ((std::int64_t{a.n} + warps - 1) / warps);
  const std::int64_t blocks = std::min<std::int64_t>(items, max_blocks);
  const int limit = candidate_limit(a.k, a.m);
  const std::int64_t capacity = std::int64_t{limit} + warp_size;
  const internal::Array<Candidate<T>> lists("sparse_attention", Device::cuda(), blocks * warps * capacity);
  launch("sparse_attention", select_by_warps<T>, static_cast<unsigned>(blocks), threads, 0, a, lists.data(),
         capacity, limit);
}

template void select_keys_by_warps(const SelectKeysCall<float>&);
template void select_keys_by_warps(const SelectKeysCall<double>&);

}  // namespace taper::cuda
