// bmm: C = A B; dA = dC B^T, dB = A^T dC.
#include "bmm.hpp"

#include "../../core/record.hpp"
#include "../kernels/product/gemm.hpp"

namespace taper {
namespace {

// C = op(A) op(B). If A is transposed, dA is (dC op(B)^T)^T = op(B) dC^T; if B is, dB is (op(A)^T dC)^T
// = dC^T op(A).
Tensor product(const char* op, int rank, const Tensor& a, const Tensor& b, bool ta, bool tb) {
  return record(op, kernels::gemm(op, rank, a, b, ta, tb),
                vjp(a,
                    [=](const Tensor& dc) {
                      return ta ? product(op, rank, b, dc, tb, true) : product(op, rank, dc, b, false, !tb);
                    }),
                vjp(b, [=](const Tensor& dc) {
                  return tb ? product(op, rank, dc, a, true, ta) : product(op, rank, a, dc, !ta, false);
                }));
}

}  // namespace

Tensor bmm(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  return product("bmm", 3, a, b, transpose_a, transpose_b);
}

Tensor mm(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  return product("mm", 2, a, b, transpose_a, transpose_b);
}

}  // namespace taper
