// softplus: y = max(x, 0) + log1p(e^-|x|); dx = dy sigmoid(x).
#include "softplus.hpp"

#include "../../core/record.hpp"
#include "../elementwise/mul.hpp"
#include "../kernels/elementwise/elementary.hpp"
#include "sigmoid.hpp"

namespace taper {

Tensor softplus(const Tensor& x) {
  return record("softplus", kernels::map_elementary("softplus", x, kernels::functions::Softplus()),
                vjp(x, [x](const Tensor& dy) { return dy * sigmoid(x); }));
}

}  // namespace taper
