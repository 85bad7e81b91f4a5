// Stands in for kernels that are still to come: each throws. (Remove a function here when its .cu file
// defines it.)
#include <taper/core/fail.hpp>
#include <taper/cuda/cuda_backend.hpp>

namespace taper::cuda {

using namespace kernels;

void CudaBackend::select_keys(const Tensor&, const Tensor&, double, const Visibility&, Support&,
                              Tensor&) const {
  fail("select_keys", "not on CUDA yet");
}
void CudaBackend::transpose_support(const Support&, Support::Transposed&) const {
  fail("transpose_support", "not on CUDA yet");
}
void CudaBackend::gather_rows(const Support&, const Tensor&, const Tensor&, Tensor&) const {
  fail("gather_rows", "not on CUDA yet");
}
void CudaBackend::scatter_rows(const Support&, const Tensor&, const Tensor&, Tensor&) const {
  fail("scatter_rows", "not on CUDA yet");
}
void CudaBackend::dot_products(const Support&, const Tensor&, const Tensor&, Tensor&) const {
  fail("dot_products", "not on CUDA yet");
}
void CudaBackend::centered(const Support&, const Tensor&, double, Tensor&) const {
  fail("centered", "not on CUDA yet");
}

}  // namespace taper::cuda
