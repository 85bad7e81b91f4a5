// Products of small blocks: OpenBLAS, called without xtensor-blas.
#include "block_product.hpp"

#include "openblas.hpp"

#include <algorithm>

extern "C" {
void cblas_sgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                 const float* a, int a_stride, const float* b, int b_stride, float beta, float* c,
                 int c_stride);
void cblas_dgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, double alpha,
                 const double* a, int a_stride, const double* b, int b_stride, double beta, double* c,
                 int c_stride);
}

namespace taper::kernels {
namespace {

constexpr int row_major = 101, as_it_is = 111;  // as CBLAS numbers them

struct Calls {
  Calls(std::int64_t m, std::int64_t n, std::int64_t k)
      : calls(may_use_threads(m, n, k)), one(may_use_threads(m, n, k)) {}
  const OpenBlasCalls calls;
  const OneOpenMpThread one;
};

// A B is cut into calls for which OpenBLAS copies nothing: along its columns, or, if few of them would fit, along
// the inner dimension as well.
struct Slices {
  std::int64_t columns, depth;
};
Slices slices(std::int64_t m, std::int64_t n, std::int64_t k) {
  if (!has_kernels_for_slices()) return {n, k};
  const auto whole_vectors = [](std::int64_t count) { return std::max<std::int64_t>(16, count / 16 * 16); };
  if (const std::int64_t columns = largest_slice / (m * k); columns >= std::min<std::int64_t>(n, 64))
    return {whole_vectors(columns), k};
  const std::int64_t columns = std::min<std::int64_t>(n, 256);
  return {columns, whole_vectors(largest_slice / (m * columns))};
}

}  // namespace

void multiply_block(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b, bool adds,
                    float* c) {
  const Calls calls(m, n, k);
  const auto [columns, depth] = slices(m, n, k);
  for (std::int64_t j = 0; j < n; j += columns) {
    for (std::int64_t i = 0; i < k; i += depth) {
      cblas_sgemm(row_major, as_it_is, as_it_is, static_cast<int>(m),
                  static_cast<int>(std::min(columns, n - j)), static_cast<int>(std::min(depth, k - i)), 1,
                  a + i, static_cast<int>(k), b + i * n + j, static_cast<int>(n), adds || i > 0 ? 1.0f : 0.0f,
                  c + j, static_cast<int>(n));
    }
  }
}

void multiply_block(std::int64_t m, std::int64_t n, std::int64_t k, const double* a, const double* b,
                    bool adds, double* c) {
  const Calls calls(m, n, k);
  cblas_dgemm(row_major, as_it_is, as_it_is, static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), 1,
              a, static_cast<int>(k), b, static_cast<int>(n), adds ? 1.0 : 0.0, c, static_cast<int>(n));
}

}  // namespace taper::kernels
