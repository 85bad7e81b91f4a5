// sparse_softmax: the forward kernel and, beside it, the vector-Jacobian product. sparse_softmax.hpp gives
// the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/kernels/rows.hpp>
#include <taper/ops/kernels/top_k.hpp>
#include <taper/ops/sparse_softmax.hpp>

namespace taper {
namespace {

// Candidates come largest first. Everything is relative to the row's maximum, so that huge values keep their
// digits, and in double. Since p_i <= 1, the support lies above the maximum - 1: only that much of a row is
// ever sorted.
struct Project {
  std::int64_t k;

  template <class T>
  void operator()(std::int64_t n, const T* z, T* p) const {
    T largest;
    if (kernels::is_edge_row(z, n, p, largest)) return;
    // One step of rounding below the maximum - 1, which matters where 1 is not a multiple of z's spacing.
    const T above = std::nextafter(largest - 1, -std::numeric_limits<T>::infinity());
    kernels::Candidates<T> candidates;
    kernels::top_k(z, n, k, above, candidates);

    double sum = 0, tau = 0;
    std::size_t m = 0;
    for (const auto& candidate : candidates) {
      const double value = static_cast<double>(candidate.value) - static_cast<double>(largest);
      const double next = (sum + value - 1) / static_cast<double>(m + 1);
      if (!(value > next))
        break;  // 1 + j z_(j) > z_(1) + … + z_(j), divided by j: z_(j) above the tau of j elements
      sum += value;
      tau = next;
      ++m;
    }
    for (std::size_t j = 0; j < m; ++j) {
      const double value = static_cast<double>(candidates[j].value) - static_cast<double>(largest);
      p[candidates[j].index] = static_cast<T>(value - tau);
    }
  }
};

// g_i - (mean of g over S) on S = {p > 0}, 0 elsewhere, for each row; NaN where p is. This is the Jacobian of
// the projection at p, J = diag(s) - s s^T / m: symmetric, so its vector-Jacobian product is itself.
Tensor project_tangent(const Tensor& g, const Tensor& p, int axis) {
  const auto kernel = []<class T>(std::int64_t n, const T* g, const T* p, T* out) {
    double sum = 0, m = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      if (p[i] > 0) {
        sum += static_cast<double>(g[i]);
        ++m;
      }
    }
    const T mean = static_cast<T>(sum / m);
    for (std::int64_t i = 0; i < n; ++i) out[i] = p[i] > 0 ? g[i] - mean : p[i] == 0 ? T{0} : p[i];
  };
  return record("sparse_softmax_vjp", kernels::map_rows("sparse_softmax_vjp", axis, kernel, g, p),
                vjp(g, [p, axis](const Tensor& dy) { return project_tangent(dy, p, axis); }));
}

}  // namespace

Tensor sparse_softmax(const Tensor& z, std::int64_t k, int axis) {
  const int a = kernels::checked_arguments("sparse_softmax", z, k, axis);
  const Tensor p = kernels::map_rows("sparse_softmax", a, Project{k}, z);
  return record("sparse_softmax", p, vjp(z, [p, a](const Tensor& dp) { return project_tangent(dp, p, a); }));
}

}  // namespace taper
