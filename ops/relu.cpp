// relu: the forward kernel and, beside it, the vector-Jacobian product. relu.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/kernels/functions.hpp>
#include <taper/ops/mul.hpp>
#include <taper/ops/relu.hpp>

namespace taper {

Tensor relu(const Tensor& x) {
  return record("relu", kernels::map("relu", x, kernels::functions::Relu()), vjp(x, [x](const Tensor& dy) {
                  return dy * kernels::map("relu", x, kernels::functions::IsNotAtMostZero());
                }));
}

}  // namespace taper
