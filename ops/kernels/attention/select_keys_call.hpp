// SelectKeysCall: the arguments of select_keys as plain pointers, as the CPU's and the CUDA device's kernels
// take them.
#pragma once

#include "../../../core/host_device.hpp"
#include "select_keys.hpp"

namespace taper::kernels {

// All arrays are row-major: queries (batch, n, d), keys (batch, m, d).
template <class T>
struct SelectKeysCall {
  // The tensors lie on either device.
  SelectKeysCall(const Tensor& queries, const Tensor& keys, double scale, const Visibility& visibility,
                 SparsePattern& pattern, Tensor& probabilities)
      : batch(pattern.batch),
        n(static_cast<int>(pattern.n)),
        m(static_cast<int>(pattern.m)),
        d(queries.extent(2)),
        k(static_cast<int>(pattern.k)),
        scale(static_cast<T>(scale)),
        queries(elements(queries)),
        keys(elements(keys)),
        causal(visibility.causal),
        heads(&visibility.heads),
        sizes(pattern.sizes.data()),
        columns(pattern.columns.data()),
        tiles(pattern.tiles()),
        tile_log(pattern.tile_log.data()),
        probabilities(reinterpret_cast<T*>(probabilities.mutable_bytes())) {
    if (const Tensor& given = visibility.mask) {
      mask = elements(given);
      mask_of_query = given.extent(1) == 1 ? 0 : m;
      mask_of_problem = given.extent(0) == 1 ? 0 : given.extent(1) * m;
    }
  }

  // How many keys `causal` lets query i see; they are the first ones.
  TAPER_HOST_DEVICE int visible(int i) const {
    const int end = causal ? i + 1 - n + m : m;
    return end > 0 ? end : 0;
  }
  bool shows_everything() const { return heads->empty(); }
  // The mask of query i of problem b; null if there is none.
  TAPER_HOST_DEVICE const T* mask_of(std::int64_t b, int i) const {
    return mask ? mask + b * mask_of_problem + i * mask_of_query : nullptr;
  }

  std::int64_t batch;
  int n, m;
  std::int64_t d;
  int k;  // at most m
  T scale;
  const T* queries;
  const T* keys;
  bool causal;
  const std::vector<Passes>* heads;  // on the CPU
  const T* mask = nullptr;
  std::int64_t mask_of_problem = 0, mask_of_query = 0;  // from one problem or query to the next
  std::int32_t* sizes;
  std::int32_t* columns;
  std::int64_t tiles;
  SparsePattern::Tile* tile_log;  // null: no log
  T* probabilities;

 private:
  static const T* elements(const Tensor& x) { return reinterpret_cast<const T*>(x.bytes()); }
};

}  // namespace taper::kernels
