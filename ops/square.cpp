// square: the forward kernel and, beside it, the vector-Jacobian product. square.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/kernels/functions.hpp>
#include <taper/ops/mul.hpp>
#include <taper/ops/square.hpp>

namespace taper {

Tensor square(const Tensor& x) {
  return record("square", kernels::map("square", x, kernels::functions::Square()),
                vjp(x, [x](const Tensor& dy) { return dy * (2.0 * x); }));
}

}  // namespace taper
