// log1p: dx = dy / (1 + x).
#include "log1p.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementary.hpp"
#include "add.hpp"
#include "div.hpp"

namespace taper {

Tensor log1p(const Tensor& x) {
  return record("log1p", kernels::map_elementary("log1p", x, kernels::functions::Log1p()),
                vjp(x, [x](const Tensor& dy) { return dy / (1.0 + x); }));
}

}  // namespace taper
