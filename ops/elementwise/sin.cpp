// sin: dx = dy cos x.
#include "sin.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementary.hpp"
#include "cos.hpp"
#include "mul.hpp"

namespace taper {

Tensor sin(const Tensor& x) {
  return record("sin", kernels::map_elementary("sin", x, kernels::functions::Sin()),
                vjp(x, [x](const Tensor& dy) { return dy * cos(x); }));
}

}  // namespace taper
