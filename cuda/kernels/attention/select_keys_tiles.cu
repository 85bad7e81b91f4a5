// select_keys for the case that matters: float32, many queries. The scores of 128 queries with 128 keys stay
// in the registers of a block, as the sums of a matrix product do; the few scores that exceed their row's
// threshold join the row's candidates.
//
// Floor: 2 batch n m d operations; an H200 does 67e12 a second. In instructions of a warp, for a tile of 128
// x 128 scores and d = 64, as nvcc 13 compiles it for sm_90:
//   4096  multiply and add
//    256  load 4 elements each from shared memory: 8 x 8 sums a thread take 16 loads for 256 multiplications
//    254  count loops and copy the next keys
//    295  scale the scores, compare them with the thresholds, begin with 0
// That alone would be 84 % of the floor's rate. The candidates are added to it: with normal scores of
// deviation 1, m = 4096 and k = 16, a row has some 170 of them, 128 of these in its first tile, and is
// pruned twice. With the work at the row's end that is some 1600 instructions of the warp for each row, or
// 800 for each tile, so that 72 % is left. Scores that lie closer together cost more: 2200 a row at a
// deviation of 0.25.
#include "../../../core/memory/array.hpp"
#include "candidates.cuh"
#include "select_keys.cuh"

#include <cuda_pipeline.h>

namespace taper::cuda {
namespace {

constexpr const char* op = "sparse_attention";

constexpr int tile = 128;  // queries of a block, and keys at a time
constexpr int threads = 256;
constexpr int warps = threads / warp_size;
constexpr int blocks_per_processor = 2;
constexpr int depth = 32;  // elements of the keys in shared memory at a time
// Words from one row to the next in shared memory. In one access 8 threads read 4 words each, from 8 rows:
// modulo 32, these begin at 8 different multiples of 4, so that each bank is asked once.
constexpr int stride = depth + 4;

// A warp has 16 queries: lanes with an even number have every second one, the odd lanes the others. A
// lane has every 16th key. So a row belongs to the 16 lanes of one parity, and its columns come in the
// order of the lanes.
constexpr int rows_per_warp = tile / warps;
constexpr int rows = rows_per_warp / 2;
constexpr int columns = tile / 16;
constexpr unsigned even_lanes = 0x55555555u;

TAPER_HOST_DEVICE constexpr std::int64_t chunks_of(std::int64_t d) { return (d + depth - 1) / depth; }

// The queries, two buffers of keys, and a threshold and a count for each row.
constexpr std::size_t shared_bytes(std::int64_t d) {
  return static_cast<std::size_t>((chunks_of(d) + 2) * tile * stride + 2 * tile) * sizeof(float);
}

// A thread copies every second vector of 4 of a row. Eight neighbours write to every second of 8 rows, which
// lie in different banks.
struct Copier {
  int row = static_cast<int>(threadIdx.x) / 2 % (tile / 2) * 2 + static_cast<int>(threadIdx.x) / tile;
  int p = static_cast<int>(threadIdx.x) % 2 * 4;

  // The place of this thread in the tile of x (row_count, d) that begins with the row `first`. For rows past
  // the last one it is in the last row.
  __device__ const float* place(const float* x, int first, int row_count, int d) const {
    return x + std::int64_t{min(first + row, row_count - 1)} * d + p;
  }
  // Starts to copy elements [p0, p0 + depth) of that tile, as far as there are any.
  __device__ void start(float* to, const float* from, int p0, int d) const {
    to += row * stride + p;
    from += p0;
#pragma unroll
    for (int i = 0; i < depth; i += 8) {
      if (p0 + p + i < d) __pipeline_memcpy_async(to + i, from + i, sizeof(float4));
    }
  }
};

// sums[r][c] += queries[2 r] . keys[16 c], the products in ascending order.
__device__ void multiply(const float* queries, const float* keys, int length, float (&sums)[rows][columns]) {
  const float* const end = queries + length;
#pragma unroll 1
  for (; queries != end; queries += 4, keys += 4) {
    float4 query[rows];
#pragma unroll
    for (int r = 0; r < rows; ++r) query[r] = *reinterpret_cast<const float4*>(queries + 2 * r * stride);
#pragma unroll
    for (int c = 0; c < columns; ++c) {
      const float4 key = *reinterpret_cast<const float4*>(keys + 16 * c * stride);
#pragma unroll
      for (int r = 0; r < rows; ++r) sums[r][c] = fmaf(query[r].x, key.x, sums[r][c]);
#pragma unroll
      for (int r = 0; r < rows; ++r) sums[r][c] = fmaf(query[r].y, key.y, sums[r][c]);
#pragma unroll
      for (int r = 0; r < rows; ++r) sums[r][c] = fmaf(query[r].z, key.z, sums[r][c]);
#pragma unroll
      for (int r = 0; r < rows; ++r) sums[r][c] = fmaf(query[r].w, key.w, sums[r][c]);
    }
  }
}

// The keys j + 16 c that the queries i + 2 r may not look at: bit 8 r + c.
__device__ std::uint64_t hidden_from(const SelectKeysCall<float>& a, std::int64_t b, int i, int j) {
  std::uint64_t hidden = 0;
#pragma unroll 1
  for (int r = 0; r < rows; ++r) {
    const int query = min(i + 2 * r, a.n - 1), end = a.visible(query);
    const float* const mask = a.mask_of(b, query);
#pragma unroll
    for (int c = 0; c < columns; ++c) {
      const bool is_hidden = j + 16 * c >= end || (mask && mask[j + 16 * c] == 0);
      hidden |= std::uint64_t{is_hidden} << (columns * r + c);
    }
  }
  return hidden;
}

// Sets the scores that these bits name to -inf.
__device__ void hide(std::uint64_t hidden, float (&scores)[rows][columns]) {
#pragma unroll
  for (int r = 0; r < rows; ++r) {
#pragma unroll
    for (int c = 0; c < columns; ++c) {
      if (hidden >> (columns * r + c) & 1) scores[r][c] = -infinity<float>;
    }
  }
}

// The candidates of a warp's 16 queries. This lane works for every second query. Thresholds and counts are in
// shared memory.
struct Rows {
  Candidate<float>* lists;
  unsigned first, capacity;  // where the first row's list begins in `lists`, and the room in each list
  float* thresholds;
  int* counts;

  __device__ void clear() const {
    if (lane_index() < rows_per_warp) {
      thresholds[lane_index()] = -infinity<float>;
      counts[lane_index()] = 0;
    }
    __syncwarp();
  }
  __device__ Candidates<float> candidates(int row) const {
    return {lists + first + row * capacity, counts[row], thresholds[row]};
  }
  // Adds the scores that exceed their row's threshold; scores[r][c] is that of key j + 16 c.
  __device__ void add(const float (&scores)[rows][columns], int j) const {
    const int parity = lane_index() % 2;
    const unsigned own_lanes = even_lanes << parity;
#pragma unroll
    for (int r = 0; r < rows; ++r) {
      const int row = 2 * r + parity;
      const float threshold = thresholds[row];
      bool any = false;
#pragma unroll
      for (int c = 0; c < columns; ++c) any |= !(scores[r][c] <= threshold);
      if (__any_sync(all_lanes, any)) {
        const unsigned begin = first + row * capacity;
        unsigned end = begin + counts[row];
#pragma unroll
        for (int c = 0; c < columns; ++c) {
          const bool is_candidate = !(scores[r][c] <= threshold);
          const unsigned lanes = __ballot_sync(all_lanes, is_candidate);
          if (lanes != 0) {
            const unsigned at = end + __popc(lanes & own_lanes & lanes_below());
            const Candidate<float> candidate{scores[r][c], j + 16 * c};
            if (is_candidate) lists[at] = candidate;
            end += __popc(lanes & own_lanes);
          }
        }
        __syncwarp();  // all have read the count
        if (lane_index() < 2) counts[row] = end - begin;
      }
    }
    __syncwarp();
  }
  // Prunes the rows that have more than `limit` candidates.
  __device__ void prune(int limit, int k) const {
    const int lane = lane_index();
    unsigned full = __ballot_sync(all_lanes, lane < rows_per_warp && counts[lane % rows_per_warp] > limit);
    for (; full != 0; full &= full - 1) {
      const int row = __ffs(static_cast<int>(full)) - 1;
      const Candidates<float> left = pruned(candidates(row), k, k + k / 2);
      if (lane == 0) counts[row] = left.count, thresholds[row] = left.threshold;
      __syncwarp();
    }
  }
};

__global__ void __launch_bounds__(threads, blocks_per_processor)
    select_tiles(SelectKeysCall<float> a, int d, Candidate<float>* lists, unsigned capacity, int limit) {
  const int chunks = static_cast<int>(chunks_of(d));
  float* const queries = dynamic_shared<float>();
  float* const keys = queries + chunks * tile * stride;
  float* const thresholds = keys + 2 * tile * stride;
  int* const counts = reinterpret_cast<int*>(thresholds + tile);

  const Copier copier;
  const int lane = lane_index(), parity = lane % 2, column_of_lane = lane / 2;
  const int first_row = static_cast<int>(threadIdx.x) / warp_size * rows_per_warp;
  const Rows own{lists, (blockIdx.x * tile + first_row) * capacity, capacity, thresholds + first_row,
                 counts + first_row};

  const std::int64_t blocks = (std::int64_t{a.n} + tile - 1) / tile;
  for (std::int64_t item = blockIdx.x; item < a.batch * blocks; item += gridDim.x) {
    const std::int64_t b = item / blocks;
    const int i0 = static_cast<int>(item % blocks) * tile;
    const float* const problem_keys = a.keys + b * a.m * d;
    const int seen = a.visible(min(i0 + tile, a.n) - 1);  // by the last query, which sees the most keys

    __pipeline_wait_prior(0);
    __syncthreads();  // shared memory is free
    const float* from = copier.place(a.queries + b * a.n * d, i0, a.n, d);
    for (int chunk = 0; chunk < chunks; ++chunk)
      copier.start(queries + chunk * tile * stride, from, chunk * depth, d);
    from = copier.place(problem_keys, 0, a.m, d);
    copier.start(keys, from, 0, d);
    __pipeline_commit();
    own.clear();

    int buffer = 0;
    for (int j0 = 0; j0 < seen; j0 += tile) {
      const int j = j0 + column_of_lane;
      const bool hides = a.mask || j0 + tile > a.visible(i0);
      const std::uint64_t hidden = hides ? hidden_from(a, b, i0 + first_row + parity, j) : 0;
      float scores[rows][columns] = {};
      for (int chunk = 0; chunk < chunks; ++chunk) {
        __pipeline_wait_prior(0);
        __syncthreads();  // this chunk is there, and the other buffer free
        const bool is_last = chunk + 1 == chunks;
        if (!is_last || j0 + tile < seen) {
          if (is_last) from = copier.place(problem_keys, j0 + tile, a.m, d);
          copier.start(keys + (buffer ^ 1) * tile * stride, from, is_last ? 0 : (chunk + 1) * depth, d);
          __pipeline_commit();
        }
        multiply(queries + (chunk * tile + first_row + parity) * stride,
                 keys + (buffer * tile + column_of_lane) * stride, min(depth, d - chunk * depth), scores);
        buffer ^= 1;
      }
#pragma unroll
      for (int r = 0; r < rows; ++r) {
#pragma unroll
        for (int c = 0; c < columns; ++c) scores[r][c] *= a.scale;
      }
      if (hides) hide(hidden, scores);
      own.add(scores, j);
      own.prune(limit, a.k);
    }
    for (int row = 0; row < min(rows_per_warp, a.n - i0 - first_row); ++row) {
      const std::int64_t at = b * a.n + i0 + first_row + row;
      finish(own.candidates(row), a.k, a.sizes + at, a.columns + at * a.k, a.probabilities + at * a.k);
    }
  }
}

std::int64_t blocks_at_a_time(const SelectKeysCall<float>& a) {
  int processors;
  check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, 0), op);
  return std::min(a.batch * ((std::int64_t{a.n} + tile - 1) / tile),
                  std::int64_t{blocks_per_processor} * processors);
}

// The capacity of a row's list: a tile adds 128 candidates at most before the list is pruned again.
std::int64_t capacity_of(const SelectKeysCall<float>& a) {
  return std::int64_t{candidate_limit(a.k, a.m)} + tile;
}

}  // namespace

bool can_select_keys_by_tiles(const SelectKeysCall<float>& a) {
  constexpr int fewest = 32;  // queries; with fewer, most of a tile would be idle
  constexpr int most = std::numeric_limits<int>::max() - 2 * tile;
  if (a.n < fewest || a.n > most || a.m > most || a.m == 0 || a.d == 0 || a.d % 4 != 0) return false;
  // All lists together may take 1 GiB, which only a k in the thousands exceeds.
  constexpr std::int64_t max_candidates = std::int64_t{1} << 27;
  int room;
  check(cudaDeviceGetAttribute(&room, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0), op);
  return shared_bytes(a.d) <= static_cast<std::size_t>(room) &&
         blocks_at_a_time(a) * tile * capacity_of(a) <= max_candidates;
}

void select_keys_by_tiles(const SelectKeysCall<float>& a) {
  const std::int64_t blocks = blocks_at_a_time(a), capacity = capacity_of(a);
  const internal::Array<Candidate<float>> lists(op, Device::cuda(), blocks * tile * capacity);
  launch(op, select_tiles, static_cast<unsigned>(blocks), threads, shared_bytes(a.d), a,
         static_cast<int>(a.d), lists.data(), static_cast<unsigned>(capacity), candidate_limit(a.k, a.m));
}

}  // namespace taper::cuda
