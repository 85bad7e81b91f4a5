// elu: y = x, or alpha (e^x - 1) where x <= 0; dx = dy, or dy alpha e^x.
#include "elu.hpp"

#include "../../core/create.hpp"
#include "../../core/record.hpp"
#include "../elementwise/comparison.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/where.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"

namespace taper {
namespace {

// elu'(x) in one pass, recorded as an op of its own: elu'' is 0 from the kink on, and elu' below it.
Tensor slope(const Tensor& x, const Tensor& alpha) {
  const Tensor y = kernels::map("elu", x, alpha, kernels::functions::EluSlope());
  return record("elu", y,
                vjp(x, [x, y](const Tensor& dy) { return dy * where(x < 0.0, y, scalar_like(0, y)); }));
}

}  // namespace

Tensor elu(const Tensor& x, double alpha) {
  const Tensor a = scalar_like(alpha, check_given("elu", "x", x));
  return record("elu", kernels::map("elu", x, a, kernels::functions::Elu()),
                vjp(x, [x, a](const Tensor& dy) { return dy * slope(x, a); }));
}

}  // namespace taper
