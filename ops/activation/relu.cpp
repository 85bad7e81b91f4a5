// relu: dx = dy where x > 0, 0 elsewhere.
#include "relu.hpp"

#include "../../core/record.hpp"
#include "../elementwise/mul.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"

namespace taper {

Tensor relu(const Tensor& x) {
  return record("relu", kernels::map("relu", x, kernels::functions::Relu()), vjp(x, [x](const Tensor& dy) {
                  return dy * kernels::map("relu", x, kernels::functions::PassesRelu());
                }));
}

}  // namespace taper
