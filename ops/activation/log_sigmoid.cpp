// log_sigmoid: y = min(x, 0) - log1p(e^-|x|); dx = dy sigmoid(-x).
#include "log_sigmoid.hpp"

#include "../../core/record.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/neg.hpp"
#include "../kernels/elementwise/elementary.hpp"
#include "sigmoid.hpp"

namespace taper {

Tensor log_sigmoid(const Tensor& x) {
  return record("log_sigmoid", kernels::map_elementary("log_sigmoid", x, kernels::functions::LogSigmoid()),
                vjp(x, [x](const Tensor& dy) { return dy * sigmoid(-x); }));
}

}  // namespace taper
