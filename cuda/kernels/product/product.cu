// Matrix products by cuBLAS.
#include "../../../core/fail.hpp"
#include "../../../core/memory/array.hpp"
#include "../../../core/memory/device_memory.hpp"
#include "../../device.hpp"
#include "../cuda_backend.hpp"
#include "../launch.cuh"
#include "../layout/layout.hpp"
#include "cublas.hpp"

#include <atomic>
#include <cstddef>
#include <mutex>

namespace taper::cuda {
namespace {

std::atomic<bool> tf32_is_allowed{false};

void check(cublasStatus_t status) {
  if (status != CUBLAS_STATUS_SUCCESS) fail("multiply", "cuBLAS: ", cublas().status_string(status));
}

// The program's handle. Its workspace is ours, so that cuBLAS allocates nothing, and gives the same bits in
// every run. It is never destroyed, because a tensor may be multiplied while the program ends.
class Blas {
 public:
  Blas()
      : workspace_("multiply", Device::cuda(),
                   std::int64_t{32} << 20) {  // what cuBLAS wants for compute capability 9.0
    check(cublas().create(&handle_));
    check(cublas().set_stream(handle_, stream()));  // it takes the workspace away, so this comes first
    check(cublas().set_workspace(handle_, workspace_.data(), static_cast<std::size_t>(workspace_.size())));
  }

  // C = op(A) op(B) + beta C in row-major order: cuBLAS's matrices are column-major, in which the same
  // elements are C^T = op(B)^T op(A)^T.
  template <class T>
  void multiply(const kernels::ProductCall& call, const T* a, const T* b, T beta, T* c) {
    const std::int64_t m = call.m, n = call.n, k = call.k;
    const auto operation = [](bool transposed) { return transposed ? CUBLAS_OP_T : CUBLAS_OP_N; };
    const T one = 1;
    const std::lock_guard lock(mutex_);
    const bool tf32 = tf32_is_allowed.load(std::memory_order_relaxed);
    check(cublas().set_math_mode(handle_, tf32 ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_DEFAULT_MATH));
    check(gemm(c)(handle_, operation(call.transpose_b), operation(call.transpose_a), n, m, k, &one, b,
                  call.transpose_b ? k : n, k * n, a, call.transpose_a ? m : k, m * k, &beta, c, n, m * n,
                  call.batch));
  }

 private:
  static decltype(Cublas::sgemm) gemm(const float*) { return cublas().sgemm; }
  static decltype(Cublas::dgemm) gemm(const double*) { return cublas().dgemm; }

  std::mutex mutex_;  // from the math mode to the product that it is for
  cublasHandle_t handle_{};
  internal::Array<std::byte> workspace_;
};

}  // namespace

void allow_tf32(bool allowed) { tf32_is_allowed.store(allowed, std::memory_order_relaxed); }

// The floor: 2 batch m n k operations, or each matrix read or written once. (A bias costs two trips more over
// C: it is written there first, and the product added to it.)
void CudaBackend::multiply(const kernels::ProductCall& call, const Tensor& a, const Tensor& b,
                           const Tensor* bias, Tensor& c) const {
  if (c.size() == 0) return;
  if (bias) {
    strided_copy("multiply", {{call.batch * call.m, call.n}, {Shape{0, 1}, Shape{call.n, 1}}, {}}, *bias, c);
  } else if (call.k == 0) {
    internal::device_memory("multiply", c.device()).fill(c.dtype(), c.impl().data, c.size(), 0);
  }
  if (call.k == 0) return;  // an empty sum
  static Blas& blas = *new Blas;
  dispatch(c.dtype(), [&]<class T>() {
    blas.multiply(call, pointer<T>(a), pointer<T>(b), bias ? T{1} : T{0}, pointer<T>(c));
  });
}

}  // namespace taper::cuda
