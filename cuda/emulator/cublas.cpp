// cuBLAS's matrix products by the BLAS of the host.
#include "../kernels/product/cublas.hpp"

#include "../../ops/kernels/product/openblas.hpp"
#include "internal.hpp"

#include <cblas.h>
#include <cublas_v2.h>

namespace {

CBLAS_TRANSPOSE operation(cublasOperation_t op) { return op == CUBLAS_OP_N ? CblasNoTrans : CblasTrans; }

void product(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, float alpha, const float* a,
             int lda, const float* b, int ldb, float beta, float* c, int ldc) {
  cblas_sgemm(CblasColMajor, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
void product(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, double alpha, const double* a,
             int lda, const double* b, int ldb, double beta, double* c, int ldc) {
  cblas_dgemm(CblasColMajor, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

// How many elements lie from the first of the first matrix to the last of the last one.
std::int64_t span(std::int64_t rows, std::int64_t columns, std::int64_t ld, std::int64_t stride,
                  std::int64_t batch) {
  return (batch - 1) * stride + (columns - 1) * ld + rows;
}

// What cublasSgemmStridedBatched_64 computes.
template <class T>
cublasStatus_t products(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb,
                        std::int64_t m, std::int64_t n, std::int64_t k, const T* alpha, const T* a,
                        std::int64_t lda, long long stride_a, const T* b, std::int64_t ldb,
                        long long stride_b, const T* beta, T* c, std::int64_t ldc, long long stride_c,
                        std::int64_t batch) {
  if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
  const std::int64_t rows_a = transa == CUBLAS_OP_N ? m : k, rows_b = transb == CUBLAS_OP_N ? k : n;
  const auto at_least_1 = [](std::int64_t x) { return x > 1 ? x : 1; };
  if (m < 0 || n < 0 || k < 0 || batch < 0 || lda < at_least_1(rows_a) || ldb < at_least_1(rows_b) ||
      ldc < at_least_1(m)) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  if (m == 0 || n == 0 || batch == 0) return CUBLAS_STATUS_SUCCESS;
  const auto holds = [](const T* begin, std::int64_t elements) {
    return cuda_emulator::is_device_memory(begin, static_cast<std::size_t>(elements) * sizeof(T));
  };
  const bool inside = holds(c, span(m, n, ldc, stride_c, batch)) &&
                      (k == 0 || (holds(a, span(rows_a, m + k - rows_a, lda, stride_a, batch)) &&
                                  holds(b, span(rows_b, k + n - rows_b, ldb, stride_b, batch))));
  if (!inside) return CUBLAS_STATUS_INVALID_VALUE;
  const std::lock_guard lock(cuda_emulator::device_mutex());
  const cuda_emulator::Access access;
  const bool may_use_threads = taper::kernels::may_use_threads(m, n, k);
  const taper::kernels::OpenBlasCalls calls(may_use_threads);
  const taper::kernels::OneOpenMpThread one(may_use_threads);
  for (std::int64_t i = 0; i < batch; ++i) {
    product(operation(transa), operation(transb), static_cast<int>(m), static_cast<int>(n),
            static_cast<int>(k), *alpha, a + i * stride_a, static_cast<int>(lda), b + i * stride_b,
            static_cast<int>(ldb), *beta, c + i * stride_c, static_cast<int>(ldc));
  }
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace

struct cublasContext {};

const char* cublasGetStatusString(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "the operation completed successfully";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "the library was not initialized";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "an unsupported value or parameter was passed to the function";
  }
  return "unknown";
}

cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  *handle = new cublasContext;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetStream(cublasHandle_t, cudaStream_t) { return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasSetMathMode(cublasHandle_t, cublasMath_t) { return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasSetWorkspace(cublasHandle_t, void*, std::size_t) { return CUBLAS_STATUS_SUCCESS; }

const taper::cuda::Cublas& taper::cuda::cublas() {
  static constexpr Cublas functions{
      .create = cublasCreate,
      .set_stream = cublasSetStream,
      .set_workspace = cublasSetWorkspace,
      .set_math_mode = cublasSetMathMode,
      .sgemm = products<float>,
      .dgemm = products<double>,
      .status_string = cublasGetStatusString,
  };
  return functions;
}
