// log: the forward kernel and, beside it, the vector-Jacobian product. log.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/div.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/kernels/functions.hpp>
#include <taper/ops/log.hpp>

namespace taper {

Tensor log(const Tensor& x) {
  return record("log", kernels::map("log", x, kernels::functions::Log()),
                vjp(x, [x](const Tensor& dy) { return dy / x; }));
}

}  // namespace taper
