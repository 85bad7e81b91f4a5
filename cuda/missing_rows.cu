// Stands in for kernels that are still to come: each throws. (Remove a function here when its .cu file
// defines it.)
#include <taper/core/fail.hpp>
#include <taper/cuda/cuda_backend.hpp>

namespace taper::cuda {

using namespace kernels;

void CudaBackend::map_rows(RowFunction, std::int64_t, const AxisView&, const Tensor&, Tensor&) const {
  fail("map_rows", "not on CUDA yet");
}
void CudaBackend::center_rows(const AxisView&, const Tensor&, const Tensor&, Tensor&) const {
  fail("center_rows", "not on CUDA yet");
}
void CudaBackend::normalize(const Normalization&, const Tensor&, const Tensor&, const Tensor*, Tensor&,
                            Tensor&) const {
  fail("normalize", "not on CUDA yet");
}
void CudaBackend::normalize_dx(const Normalization&, const Tensor&, const Tensor&, const Tensor&,
                               const Tensor&, Tensor&) const {
  fail("normalize_dx", "not on CUDA yet");
}
void CudaBackend::normalize_dgain(const Normalization&, const Tensor&, const Tensor&, const Tensor&,
                                  Tensor&) const {
  fail("normalize_dgain", "not on CUDA yet");
}
void CudaBackend::cross_entropy(const CrossEntropyCall&, const Tensor&, Tensor&, Tensor&) const {
  fail("cross_entropy", "not on CUDA yet");
}
void CudaBackend::cross_entropy_dz(const CrossEntropyCall&, const Tensor&, const Tensor&, const Tensor&,
                                   Tensor&) const {
  fail("cross_entropy_dz", "not on CUDA yet");
}

}  // namespace taper::cuda
