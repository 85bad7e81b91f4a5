// The stream that all of this back end's work runs on, and how errors are reported.
#include "../kernels/launch.cuh"

namespace taper::cuda {

void check(cudaError_t error, const char* op) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // an error of one call must not be found by a later one
  fail(op, "CUDA: ", cudaGetErrorString(error), " (", cudaGetErrorName(error), ")");
}

cudaStream_t stream() {
  static const cudaStream_t instance = [] {
    cudaStream_t stream;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cuda");
    return stream;
  }();
  return instance;
}

}  // namespace taper::cuda
