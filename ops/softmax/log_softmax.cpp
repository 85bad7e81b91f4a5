// log_softmax: dz_i = dy_i - e^(y_i) sum_j dy_j.
#include "log_softmax.hpp"

#include "../../core/record.hpp"
#include "../elementwise/exp.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/sub.hpp"
#include "../kernels/softmax/exp_row.hpp"
#include "../kernels/softmax/rows.hpp"
#include "../reduction/sum.hpp"

#include <cmath>

namespace taper {

Tensor log_softmax(const Tensor& z, int axis) {
  check_given("log_softmax", "z", z);
  const int a = checked_axis("log_softmax", "axis", axis, z.shape());
  const Tensor y = kernels::map_rows(
      "log_softmax", kernels::RowFunction::log_softmax, z.size(), a,
      []<class T>(std::int64_t n, const T* in, T* out) {
        const auto [largest, total] = kernels::exp_total(in, n);
        const T log_total = static_cast<T>(std::log(total));
        for (std::int64_t i = 0; i < n; ++i) out[i] = in[i] - largest - log_total;
      },
      z);
  return record("log_softmax", y,
                vjp(z, [y, a](const Tensor& dy) { return dy - exp(y) * sum(dy, a, true); }));
}

}  // namespace taper
