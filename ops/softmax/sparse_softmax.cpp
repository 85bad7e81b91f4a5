// sparse_softmax: p = z - tau on the support S, 0 elsewhere; dz = dp - (mean of dp over S) on S, 0 elsewhere.
#include "sparse_softmax.hpp"

#include "../../core/record.hpp"
#include "../kernels/softmax/center_rows.hpp"
#include "../kernels/softmax/largest.hpp"
#include "../kernels/softmax/rows.hpp"

namespace taper {
namespace {

// For each row, g_i - (mean of g over S) on S = {p > 0}, 0 elsewhere; NaN where p is NaN. This is
// the Jacobian of the projection at p, J = diag(s) - s s^T / m: symmetric, so its vector-Jacobian
// product is itself.
Tensor project_tangent(const Tensor& g, const Tensor& p, int axis) {
  return record("sparse_softmax_vjp", kernels::center_rows("sparse_softmax_vjp", axis, g, p, 0),
                vjp(g, [p, axis](const Tensor& dy) { return project_tangent(dy, p, axis); }));
}

}  // namespace

Tensor sparse_softmax(const Tensor& z, std::int64_t k, int axis) {
  const int a = kernels::checked_axis_and_k("sparse_softmax", z, k, axis);
  // Since p_i <= 1, the support lies above the maximum - 1: nothing else of a row is selected.
  const auto kernel = [k, stores = kernels::stores_for(z)]<class T>(std::int64_t n, const T* row, T* out) {
    kernels::with_largest(row, n, k, T{1}, [&](kernels::Candidates<T>& candidates) {
      kernels::project(candidates);
      kernels::write_row(candidates, n, out, stores);
    });
  };
  const Tensor p = kernels::map_rows("sparse_softmax", kernels::RowFunction::sparse_softmax, k, a, kernel, z);
  return record("sparse_softmax", p, vjp(z, [p, a](const Tensor& dp) { return project_tangent(dp, p, a); }));
}

}  // namespace taper
