// sparse_softmax_as_written: dz_i = [p_i > 0] dp_i - [i among the k largest] (sum of dp over p > 0) / k.
#include "sparse_softmax_as_written.hpp"

#include "../../core/record.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/sub.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"
#include "../kernels/softmax/largest.hpp"
#include "../kernels/softmax/rows.hpp"
#include "../reduction/sum.hpp"

namespace taper {
namespace {

// 1/k at the k largest elements of each row, 0 elsewhere: the gradient of tau. NaN on rows that are NaN.
Tensor tau_gradient(const Tensor& z, std::int64_t k, int axis) {
  const auto kernel = [&]<class T>(std::int64_t n, const T* row, T* out) {
    kernels::with_largest(row, n, k, kernels::infinity<T>, [&](kernels::Candidates<T>& chosen) {
      std::fill_n(chosen.values, chosen.count, T{1} / static_cast<T>(chosen.count));
      kernels::write_row(chosen, n, out, kernels::stores_for(z));
    });
  };
  return kernels::map_rows("sparse_softmax_as_written", kernels::RowFunction::tau_gradient, k, axis, kernel,
                           z);
}

}  // namespace

Tensor sparse_softmax_as_written(const Tensor& z, std::int64_t k, int axis) {
  const int a = kernels::checked_axis_and_k("sparse_softmax_as_written", z, k, axis);
  const auto kernel = [k]<class T>(std::int64_t n, const T* row, T* out) {
    kernels::with_largest(row, n, k, kernels::infinity<T>, [&](const kernels::Candidates<T>& chosen) {
      if (chosen.count == 0) return kernels::write_row(chosen, n, out, kernels::Stores::to_cache);
      const auto relative = [&](T value) {
        return static_cast<double>(value) - static_cast<double>(chosen.largest);
      };
      double sum = 0;
      for (std::int64_t j = 0; j < chosen.count; ++j) sum += relative(chosen.values[j]);
      const double tau = (sum - 1) / static_cast<double>(chosen.count);
      for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(std::max(0.0, relative(row[i]) - tau));
    });
  };
  const Tensor p = kernels::map_rows("sparse_softmax_as_written",
                                     kernels::RowFunction::sparse_softmax_as_written, k, a, kernel, z);
  return record(
      "sparse_softmax_as_written", p, vjp(z, [z = z.detach(), p = p.detach(), k, a](const Tensor& dp) {
        const Tensor active = kernels::map("sparse_softmax_as_written", p, kernels::functions::IsPositive());
        const Tensor flowing = dp * active;
        return flowing - tau_gradient(z, k, a) * sum(flowing, a, true);
      }));
}

}  // namespace taper
