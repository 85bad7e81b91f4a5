// relu: the forward kernel and, beside it, the vector-Jacobian product. relu.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/mul.hpp>
#include <taper/ops/relu.hpp>

namespace taper {

Tensor relu(const Tensor& x) {
  return record("relu", kernels::map("relu", x, [](auto v) { return v < 0 ? decltype(v)(0) : v; }),
                vjp(x, [x](const Tensor& dy) {
                  return dy * kernels::map("relu", x, [](auto v) { return decltype(v)(!(v <= 0)); });
                }));
}

}  // namespace taper
