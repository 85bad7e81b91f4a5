// CudaBackend::select_keys: what sparse_attention keeps of all scores.
#include "../cuda_backend.hpp"
#include "select_keys.cuh"

namespace taper::cuda {

void CudaBackend::select_keys(const Tensor& queries, const Tensor& keys, double scale,
                              const kernels::Visibility& visibility, kernels::SparsePattern& pattern,
                              Tensor& p) const {
  if (pattern.batch * pattern.n == 0) return;
  dispatch(queries.dtype(), [&]<class T>() {
    const SelectKeysCall<T> a(queries, keys, scale, visibility, pattern, p);
    if constexpr (sizeof(T) == 4) {
      if (can_select_keys_by_tiles(a)) return select_keys_by_tiles(a);
    }
    select_keys_by_warps(a);
  });
}

}  // namespace taper::cuda
