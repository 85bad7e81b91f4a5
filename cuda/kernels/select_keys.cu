// CudaBackend::select_keys: what sparse_attention keeps of all scores.
#include "../../ops/kernels/attention/select_keys.hpp"
#include "cuda_backend.hpp"
#include "select_keys.cuh"

namespace taper::cuda {

void CudaBackend::select_keys(const Tensor& queries, const Tensor& keys, double scale,
                              const kernels::Visibility& visibility, kernels::SparsePattern& pattern,
                              Tensor& p) const {
  if (pattern.batch * pattern.n == 0) return;
  dispatch(queries.dtype(), [&]<class T>() {
    KeySelection<T> a{pattern.batch,
                      static_cast<int>(pattern.n),
                      static_cast<int>(pattern.m),
                      queries.extent(2),
                      static_cast<int>(pattern.k),
                      static_cast<T>(scale),
                      pointer<T>(queries),
                      pointer<T>(keys),
                      visibility.causal,
                      nullptr,
                      0,
                      0,
                      pattern.sizes.data(),
                      pattern.columns.data(),
                      pointer<T>(p)};
    if (const Tensor& mask = visibility.mask) {
      a.mask = pointer<T>(mask);
      a.mask_of_query = mask.extent(1) == 1 ? 0 : pattern.m;
      a.mask_of_problem = mask.extent(0) == 1 ? 0 : mask.extent(1) * pattern.m;
    }
    if constexpr (sizeof(T) == 4) {
      if (can_select_keys_by_tiles(a)) return select_keys_by_tiles(a);
    }
    select_keys_by_warps(a);
  });
}

}  // namespace taper::cuda
