// Stands in for kernels that are still to come: each throws. (Remove a function here when its .cu file
// defines it.)
#include <taper/core/fail.hpp>
#include <taper/cuda/cuda_backend.hpp>

namespace taper::cuda {

using namespace kernels;

void CudaBackend::map(const MapCall&, Tensor&) const { fail("map", "not on CUDA yet"); }
void CudaBackend::cast(const Tensor&, Tensor&) const { fail("cast", "not on CUDA yet"); }
void CudaBackend::reduce(Reduction, const ReducePlan&, const Tensor&, Tensor&) const {
  fail("reduce", "not on CUDA yet");
}
void CudaBackend::copy_runs(const RunCopy&, const Tensor&, Tensor&) const {
  fail("copy_runs", "not on CUDA yet");
}
void CudaBackend::swap_axes(const SwapExtents&, const Tensor&, Tensor&) const {
  fail("swap_axes", "not on CUDA yet");
}
void CudaBackend::gather(const AxisView&, const Indices&, const Tensor&, Tensor&) const {
  fail("gather", "not on CUDA yet");
}
void CudaBackend::scatter_add(const AxisView&, const Indices&, const Tensor&, Tensor&) const {
  fail("scatter_add", "not on CUDA yet");
}
void CudaBackend::multiply(const ProductCall&, const Tensor&, const Tensor&, const Tensor*, Tensor&) const {
  fail("multiply", "not on CUDA yet");
}
void CudaBackend::rotary_table(std::int64_t, double, Tensor&) const {
  fail("rotary_table", "not on CUDA yet");
}
void CudaBackend::rotate(const Tensor&, const Tensor&, int, Tensor&) const {
  fail("rotate", "not on CUDA yet");
}
void CudaBackend::adam(const AdamStep<double>&, const Tensor&, Tensor&, Tensor&, Tensor&) const {
  fail("adam", "not on CUDA yet");
}
void CudaBackend::sgd(double, double, bool, const Tensor&, Tensor*, Tensor&) const {
  fail("sgd", "not on CUDA yet");
}

}  // namespace taper::cuda
