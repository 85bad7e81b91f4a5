// entmax: p = max(0, 1 + (alpha - 1) (z - theta))^(1 / (alpha - 1)), sum p = 1; dz = s (dp - sum s dp / sum
// s) with s = p^(2 - alpha) on the support, 0 elsewhere.
#include "entmax.hpp"

#include "../../core/create.hpp"
#include "../../core/record.hpp"
#include "../elementwise/div.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/pow.hpp"
#include "../elementwise/sub.hpp"
#include "../elementwise/where.hpp"
#include "../kernels/softmax/center_rows.hpp"
#include "../kernels/softmax/entmax_row.hpp"
#include "../kernels/softmax/largest.hpp"
#include "../kernels/softmax/rows.hpp"
#include "../reduction/sum.hpp"
#include "sparse_softmax.hpp"
#include "topk_softmax.hpp"

namespace taper {
namespace {

// p^exponent on the support, 0 elsewhere.
Tensor power_on_support(const Tensor& p, double exponent) {
  return where(p, pow(where(p, p, scalar_like(1, p)), exponent), scalar_like(0, p));
}

// g less its mean under the weights s = p^(2 - alpha), on the support; elsewhere less that of a g of 0.
Tensor less_mean(const Tensor& g, const Tensor& p, double alpha, int axis) {
  const Tensor s = power_on_support(p, 2 - alpha), on_support = where(p, g, scalar_like(0, g));
  const Tensor total = sum(s, axis, true);  // 0 only in a row without a support
  return on_support - sum(s * on_support, axis, true) / where(total, total, scalar_like(1, total));
}

// For each row, s_i (g_i - mean of g under s): entmax's Jacobian at p times g. It is symmetric, so that this
// is its own vector-Jacobian product by g. By p it has, since ds_i/dp_i = (2 - alpha) p_i^(1 - alpha), for a
// cotangent h,
//   dp_i = (2 - alpha) p_i^(1 - alpha) (g_i - mean of g) (h_i - mean of h) on the support.
Tensor entmax_tangent(const Tensor& g, const Tensor& p, double alpha, int axis) {
  return record("entmax_vjp", kernels::center_rows("entmax_vjp", axis, g, p, 2 - alpha),
                vjp(g, [=](const Tensor& h) { return entmax_tangent(h, p, alpha, axis); }),
                vjp(p, [=](const Tensor& h) {
                  return (2 - alpha) * power_on_support(p, 1 - alpha) * less_mean(g, p, alpha, axis) *
                         less_mean(h, p, alpha, axis);
                }));
}

}  // namespace

Tensor entmax(const Tensor& z, double alpha, std::int64_t k, int axis) {
  const int a = kernels::checked_axis_and_k("entmax", z, k, axis);
  if (!(alpha >= 1 && alpha <= 2)) fail("entmax", "alpha must be from 1 to 2, got ", alpha);
  if (alpha == 1) return topk_softmax(z, k, a);
  if (alpha == 2) return sparse_softmax(z, k, a);
  const auto kernel = [=, stores = kernels::stores_for(z)]<class T>(std::int64_t n, const T* row, T* out) {
    if (n <= std::min(k, kernels::short_entmax_row)) return kernels::short_entmax(row, n, alpha, out);
    const auto write = [&](kernels::Candidates<T>& candidates) {
      kernels::entmax(candidates, alpha);
      kernels::write_row(candidates, n, out, stores);
    };
    kernels::with_largest(row, n, k, kernels::entmax_width<T>(alpha), write,
                          kernels::entmax_bound(row, n, k, alpha));
  };
  const Tensor p = kernels::map_rows("entmax", kernels::RowFunction::entmax, k, a, kernel, z, alpha);
  return record("entmax", p, vjp(z, [=](const Tensor& dp) { return entmax_tangent(dp, p, alpha, a); }));
}

}  // namespace taper
