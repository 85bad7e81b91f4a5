// sigmoid: the forward kernel and, beside it, the vector-Jacobian product. sigmoid.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/mul.hpp>
#include <taper/ops/sigmoid.hpp>
#include <taper/ops/sub.hpp>

#include <cmath>

namespace taper {

Tensor sigmoid(const Tensor& x) {
  const Tensor y = kernels::map("sigmoid", x, [](auto v) {
    const auto e = std::exp(-std::abs(v));  // at most 1
    return (v >= 0 ? 1 : e) / (1 + e);
  });
  return record("sigmoid", y, vjp(x, [y](const Tensor& dy) { return dy * (y * (1.0 - y)); }));
}

}  // namespace taper
