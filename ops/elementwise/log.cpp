// log: dx = dy / x.
#include "log.hpp"

#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"
#include "div.hpp"

namespace taper {

Tensor log(const Tensor& x) {
  return record("log", kernels::map("log", x, kernels::functions::Log()),
                vjp(x, [x](const Tensor& dy) { return dy / x; }));
}

}  // namespace taper
