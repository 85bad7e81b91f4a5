// The functions of cuBLAS that Taper calls. The first product loads the library: linking it would cost every
// program 80 ms and 200 MB of memory at its start, with or without a device.
#pragma once

#include <cublas_v2.h>

namespace taper::cuda {

struct Cublas {
  decltype(&cublasCreate) create;
  decltype(&cublasSetStream) set_stream;
  decltype(&cublasSetWorkspace) set_workspace;
  decltype(&cublasSetMathMode) set_math_mode;
  decltype(&cublasSgemmStridedBatched_64) sgemm;
  decltype(&cublasDgemmStridedBatched_64) dgemm;
  decltype(&cublasGetStatusString) status_string;
};

// Loads them, the first time. If there is no cuBLAS, throws, and tries again the next time.
const Cublas& cublas();

}  // namespace taper::cuda
