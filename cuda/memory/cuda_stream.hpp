// The stream of the back end, and its errors: what host code besides the kernels needs from CUDA.
#pragma once

#include <cuda_runtime_api.h>

namespace taper::cuda {

// The stream that all work is put on, in order: the program's own, which does not wait for the
// default stream.
cudaStream_t stream();

// Throws Error("[op] CUDA: why") unless the call went well.
void check(cudaError_t error, const char* op);

}  // namespace taper::cuda
