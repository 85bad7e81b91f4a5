// sigmoid: the forward kernel and, beside it, the vector-Jacobian product. sigmoid.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/kernels/functions.hpp>
#include <taper/ops/mul.hpp>
#include <taper/ops/sigmoid.hpp>
#include <taper/ops/sub.hpp>

namespace taper {

Tensor sigmoid(const Tensor& x) {
  const Tensor y = kernels::map("sigmoid", x, kernels::functions::Sigmoid());
  return record("sigmoid", y, vjp(x, [y](const Tensor& dy) { return dy * (y * (1.0 - y)); }));
}

}  // namespace taper
