// sparse_softmax_as_written: the forward kernel and, beside it, the vector-Jacobian product.
// sparse_softmax_as_written.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/kernels/rows.hpp>
#include <taper/ops/kernels/top_k.hpp>
#include <taper/ops/mul.hpp>
#include <taper/ops/sparse_softmax_as_written.hpp>
#include <taper/ops/sub.hpp>
#include <taper/ops/sum.hpp>

namespace taper {
namespace {

// The row's k largest elements; its largest is `largest`.
template <class T>
kernels::Candidates<T> k_largest(std::int64_t n, const T* z, std::int64_t k) {
  kernels::Candidates<T> chosen;
  kernels::top_k(z, n, k, -std::numeric_limits<T>::infinity(), chosen);
  return chosen;
}

// 1/k at the k largest elements of each row, 0 elsewhere: the gradient of tau. NaN on rows that are NaN.
Tensor tau_gradient(const Tensor& z, std::int64_t k, int axis) {
  return kernels::map_rows(
      "sparse_softmax_as_written", axis,
      [k]<class T>(std::int64_t n, const T* row, T* out) {
        T largest;
        if (kernels::is_edge_row(row, n, out, largest)) return;
        const auto chosen = k_largest(n, row, k);
        for (const auto& candidate : chosen) out[candidate.index] = T{1} / static_cast<T>(chosen.size());
      },
      z);
}

}  // namespace

Tensor sparse_softmax_as_written(const Tensor& z, std::int64_t k, int axis) {
  const int a = kernels::checked_arguments("sparse_softmax_as_written", z, k, axis);
  const auto kernel = [k]<class T>(std::int64_t n, const T* row, T* out) {
    T largest;
    if (kernels::is_edge_row(row, n, out, largest)) return;
    const auto chosen = k_largest(n, row, k);
    double sum = 0;  // relative to the maximum
    for (const auto& candidate : chosen)
      sum += static_cast<double>(candidate.value) - static_cast<double>(largest);
    const double tau = (sum - 1) / static_cast<double>(chosen.size());
    for (std::int64_t i = 0; i < n; ++i) {
      out[i] =
          static_cast<T>(std::max(0.0, static_cast<double>(row[i]) - static_cast<double>(largest) - tau));
    }
  };
  const Tensor p = kernels::map_rows("sparse_softmax_as_written", a, kernel, z);
  return record("sparse_softmax_as_written", p,
                vjp(z, [z = z.detach(), p = p.detach(), k, a](const Tensor& dp) {
                  const Tensor active = kernels::map("sparse_softmax_as_written", p, [](auto v) {
                    return v > 0 ? decltype(v)(1) : v;  // 0 stays 0, NaN stays NaN
                  });
                  const Tensor flowing = dp * active;
                  return flowing - tau_gradient(z, k, a) * sum(flowing, a, true);
                }));
}

}  // namespace taper
