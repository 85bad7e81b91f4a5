// tanh: the forward kernel and, beside it, the vector-Jacobian product. tanh.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/kernels/functions.hpp>
#include <taper/ops/mul.hpp>
#include <taper/ops/square.hpp>
#include <taper/ops/sub.hpp>
#include <taper/ops/tanh.hpp>

namespace taper {

Tensor tanh(const Tensor& x) {
  const Tensor y = kernels::map("tanh", x, kernels::functions::Tanh());
  return record("tanh", y, vjp(x, [y](const Tensor& dy) { return dy * (1.0 - square(y)); }));
}

}  // namespace taper
