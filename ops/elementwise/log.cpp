// log: dx = dy / x.
#include "log.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementary.hpp"
#include "div.hpp"

namespace taper {

Tensor log(const Tensor& x) {
  return record("log", kernels::map_elementary("log", x, kernels::functions::Log()),
                vjp(x, [x](const Tensor& dy) { return dy / x; }));
}

}  // namespace taper
