// A BLAS for WebAssembly: the products that ops/kernels/product calls, as plain loops. All matrices of
// the library are row-major, so that the order is not looked at.
#include <algorithm>
#include <cstddef>

namespace {

constexpr int transposed = 112;  // as CBLAS numbers it

// C = alpha op(A) op(B) + beta C. A C that is multiplied by 0 may hold anything, NaN too.
template <class T>
void multiply(int transpose_a, int transpose_b, int m, int n, int k, T alpha, const T* a, int a_stride,
              const T* b, int b_stride, T beta, T* c, int c_stride) {
  const auto strides = [](int transpose, int stride) {
    struct Strides {
      std::ptrdiff_t row, column;
    };
    return transpose == transposed ? Strides{1, stride} : Strides{stride, 1};
  };
  const auto of_a = strides(transpose_a, a_stride), of_b = strides(transpose_b, b_stride);
  for (int i = 0; i < m; ++i) {
    T* const row = c + std::ptrdiff_t{i} * c_stride;
    if (beta == 0)
      std::fill_n(row, n, T{0});
    else if (beta != 1)
      std::for_each(row, row + n, [beta](T& x) { x *= beta; });
    for (int p = 0; p < k; ++p) {
      const T factor = alpha * a[i * of_a.row + p * of_a.column];
      for (int j = 0; j < n; ++j) row[j] += factor * b[p * of_b.row + j * of_b.column];
    }
  }
}

}  // namespace

extern "C" {

void cblas_sgemm(int, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float* a,
                 int a_stride, const float* b, int b_stride, float beta, float* c, int c_stride) {
  multiply(transpose_a, transpose_b, m, n, k, alpha, a, a_stride, b, b_stride, beta, c, c_stride);
}

void cblas_dgemm(int, int transpose_a, int transpose_b, int m, int n, int k, double alpha, const double* a,
                 int a_stride, const double* b, int b_stride, double beta, double* c, int c_stride) {
  multiply(transpose_a, transpose_b, m, n, k, alpha, a, a_stride, b, b_stride, beta, c, c_stride);
}

}  // extern "C"
