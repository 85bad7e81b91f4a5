// The two kernels of select_keys and what both are told. select_keys.cu chooses between them.
#pragma once

#include "candidates.cuh"

#include <cstddef>
#include <cstdint>

namespace taper::cuda {

// Arguments as plain pointers, all row-major: queries (batch, n, d), keys (batch, m, d).
template <class T>
struct KeySelection {
  std::int64_t batch;
  int n, m;
  std::int64_t d;
  int k;  // at most m
  T scale;
  const T* queries;
  const T* keys;
  bool causal;
  // May be null; that of query i of problem b begins at b * mask_of_problem + i * mask_of_query.
  const T* mask;
  std::int64_t mask_of_problem, mask_of_query;
  std::int32_t* sizes;
  std::int32_t* columns;
  T* probabilities;

  // How many keys query i sees, as far as `causal` goes: the first ones.
  TAPER_HOST_DEVICE int visible(int i) const {
    const int end = causal ? i + 1 - n + m : m;
    return end > 0 ? end : 0;
  }
  TAPER_HOST_DEVICE const T* mask_of(std::int64_t b, int i) const {
    return mask ? mask + b * mask_of_problem + i * mask_of_query : nullptr;
  }
};

// select_keys_warps.cu: a warp a query, for any sizes and both dtypes.
template <class T>
void select_keys_by_warps(const KeySelection<T>& a);

// select_keys_tiles.cu: a block for 128 queries, whose scores with 128 keys stay in registers.
//
// Can it: rows must be whole vectors of 4, the queries of a block must fit into shared memory, and 32 bits
// must count the candidates. Is it worth it: are there enough queries?
bool can_select_keys_by_tiles(const KeySelection<float>& a);
void select_keys_by_tiles(const KeySelection<float>& a);

}  // namespace taper::cuda
