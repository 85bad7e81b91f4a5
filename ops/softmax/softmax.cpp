// softmax: dz_i = p_i (dp_i - sum_j dp_j p_j).
#include "softmax.hpp"

#include "../../core/record.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/sub.hpp"
#include "../kernels/softmax/exp_row.hpp"
#include "../kernels/softmax/rows.hpp"
#include "../reduction/sum.hpp"

namespace taper {

Tensor softmax(const Tensor& z, int axis) {
  check_given("softmax", "z", z);
  const int a = checked_axis("softmax", "axis", axis, z.shape());
  const Tensor p = kernels::map_rows(
      "softmax", kernels::RowFunction::softmax, z.size(), a,
      []<class T>(std::int64_t n, const T* in, T* out) {
        const auto [largest, total] = kernels::exp_total(in, n);
        kernels::exp_row(in, n, largest, static_cast<T>(1 / total), T{0}, out);
      },
      z);
  return record("softmax", p, vjp(z, [p, a](const Tensor& dp) { return p * (dp - sum(dp * p, a, true)); }));
}

}  // namespace taper
