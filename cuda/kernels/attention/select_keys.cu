// CudaBackend::select_keys: what sparse_attention keeps of all scores.
#include "../../../core/create.hpp"
#include "../cuda_backend.hpp"
#include "../launch.cuh"
#include "select_keys.cuh"

namespace taper::cuda {
namespace {

// Sets `is_wrong` to 1 if one of n elements is neither 0 nor 1.
template <class T>
__global__ void check_mask(const T* mask, std::int64_t n, float* is_wrong) {
  for (std::int64_t i = first_item(); i < n; i += item_stride()) {
    if (mask[i] != 0 && mask[i] != 1) *is_wrong = 1;
  }
}

// Floor: one read of the mask, and the wait for its answer.
template <class T>
bool is_mask(const Tensor& mask) {
  constexpr int threads = 256;
  Tensor is_wrong = zeros({}, Kind(float32, mask.device()));
  launch("sparse_attention", check_mask<T>, blocks_for(mask.size(), threads), threads, 0,
         reinterpret_cast<const T*>(mask.bytes()), mask.size(),
         reinterpret_cast<float*>(is_wrong.mutable_bytes()));
  return is_wrong.item() == 0;
}

}  // namespace

bool CudaBackend::select_keys(const Tensor& queries, const Tensor& keys, double scale,
                              const kernels::Visibility& visibility, kernels::SparsePattern& pattern,
                              Tensor& p) const {
  if (pattern.batch * pattern.n == 0) return true;
  bool mask_is_right = true;
  dispatch(queries.dtype(), [&]<class T>() {
    if (visibility.mask) mask_is_right = is_mask<T>(visibility.mask);
    const SelectKeysCall<T> a(queries, keys, scale, visibility, pattern, p);
    if constexpr (sizeof(T) == 4) {
      if (can_select_keys_by_tiles(a)) return select_keys_by_tiles(a);
    }
    select_keys_by_warps(a);
  });
  return mask_is_right;
}

}  // namespace taper::cuda
