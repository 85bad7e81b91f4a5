// The functions of cuBLAS that Taper calls. The library is loaded by the first product instead of linked:
// that took 80 ms and 200 MB of memory of every program's start, with or without a device.
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

// Loads them, the first time. Throws, and tries again the next time, where there is no cuBLAS.
const Cublas& cublas();

}  // namespace taper::cuda
