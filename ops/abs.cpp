// abs: the forward kernel and, beside it, the vector-Jacobian product. abs.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/abs.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/mul.hpp>

#include <cmath>

namespace taper {

Tensor abs(const Tensor& x) {
  return record("abs", kernels::map("abs", x, [](auto v) { return std::abs(v); }),
                vjp(x, [x](const Tensor& dy) {
                  const Tensor sign = kernels::map("abs", x, [](auto v) {
                    return v > 0 ? decltype(v)(1) : v < 0 ? decltype(v)(-1) : v;
                  });
                  return dy * sign;
                }));
}

}  // namespace taper
