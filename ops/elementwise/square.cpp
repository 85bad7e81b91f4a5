// square: dx = dy 2x.
#include "square.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"
#include "mul.hpp"

namespace taper {

Tensor square(const Tensor& x) {
  return record("square", kernels::map("square", x, kernels::functions::Square()),
                vjp(x, [x](const Tensor& dy) { return dy * (2.0 * x); }));
}

}  // namespace taper
