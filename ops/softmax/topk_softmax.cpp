// topk_softmax: dz_i = p_i (dp_i - sum_j dp_j p_j), p softmax over the k largest elements.
#include "topk_softmax.hpp"

#include "../../core/record.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/sub.hpp"
#include "../kernels/softmax/largest.hpp"
#include "../kernels/softmax/rows.hpp"
#include "../reduction/sum.hpp"

namespace taper {

Tensor topk_softmax(const Tensor& z, std::int64_t k, int axis) {
  const int a = kernels::checked_axis_and_k("topk_softmax", z, k, axis);
  const auto kernel = [k, stores = kernels::stores_for(z)]<class T>(std::int64_t n, const T* row, T* out) {
    kernels::with_largest(row, n, k, kernels::infinity<T>, [&](kernels::Candidates<T>& chosen) {
      T total = 0;
      for (std::int64_t j = 0; j < chosen.count; ++j) {
        total += chosen.values[j] = std::exp(chosen.values[j] - chosen.largest);
      }
      for (std::int64_t j = 0; j < chosen.count; ++j) chosen.values[j] /= total;
      kernels::write_row(chosen, n, out, stores);
    });
  };
  const Tensor p = kernels::map_rows("topk_softmax", kernels::RowFunction::topk_softmax, k, a, kernel, z);
  return record("topk_softmax", p,
                vjp(z, [p, a](const Tensor& dp) { return p * (dp - sum(dp * p, a, true)); }));
}

}  // namespace taper
