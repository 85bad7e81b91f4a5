// softmax: the forward kernel and, beside it, the vector-Jacobian product. softmax.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/kernels/rows.hpp>
#include <taper/ops/mul.hpp>
#include <taper/ops/softmax.hpp>
#include <taper/ops/sub.hpp>
#include <taper/ops/sum.hpp>

#include <algorithm>
#include <cmath>

namespace taper {

Tensor softmax(const Tensor& z, int axis) {
  const int a = checked_axis("softmax", "axis", axis, z.shape());
  const Tensor p = kernels::map_rows(
      "softmax", a,
      []<class T>(std::int64_t n, const T* in, T* out) {
        if (n == 0) return;
        const T largest = *std::max_element(in, in + n);
        T total = 0;
        for (std::int64_t i = 0; i < n; ++i) total += out[i] = std::exp(in[i] - largest);
        for (std::int64_t i = 0; i < n; ++i) out[i] /= total;
      },
      z);
  return record("softmax", p, vjp(z, [p, a](const Tensor& dp) { return p * (dp - sum(dp * p, a, true)); }));
}

}  // namespace taper
