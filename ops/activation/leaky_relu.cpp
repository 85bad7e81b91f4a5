// leaky_relu: y = x, or slope x where x <= 0; dx = dy, or slope dy.
#include "leaky_relu.hpp"

#include "../../core/create.hpp"
#include "../../core/record.hpp"
#include "../elementwise/mul.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"

namespace taper {

Tensor leaky_relu(const Tensor& x, double slope) {
  const Tensor s = scalar_like(slope, check_given("leaky_relu", "x", x));
  return record("leaky_relu", kernels::map("leaky_relu", x, s, kernels::functions::LeakyRelu()),
                vjp(x, [x, s](const Tensor& dy) {
                  return dy * kernels::map("leaky_relu", x, s, kernels::functions::LeakyReluSlope());
                }));
}

}  // namespace taper
