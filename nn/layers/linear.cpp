// Linear: initialisation and forward.
#include "linear.hpp"

#include "../../core/fail.hpp"
#include "../../ops/elementwise/add.hpp"
#include "../../ops/product/affine.hpp"
#include "../../ops/product/matmul.hpp"
#include "../../ops/product/sparse_matmul.hpp"
#include "compressed.hpp"

#include <cmath>
#include <tuple>

namespace taper::nn {

Linear::Linear(std::int64_t inputs, std::int64_t outputs, Generator& generator,
               const LinearOptions& options) {
  if (inputs < 1 || outputs < 1)
    fail("Linear", "wanted at least one input and output, got ", inputs, " and ", outputs);
  const double bound = 1 / std::sqrt(static_cast<double>(inputs));
  weight = uniform({inputs, outputs}, -bound, bound, generator, options.dtype).requires_grad();
  if (options.bias) bias = uniform({outputs}, -bound, bound, generator, options.dtype).requires_grad();
}

Tensor Linear::operator()(const Tensor& x) const {
  check_given("Linear", "x", x, "weight", weight);
  if (x.rank() == 0 || x.extent(-1) != inputs() || x.dtype() != weight.dtype()) {
    fail("Linear", "x must be ", weight.dtype(), " with ", inputs(), " as its last extent, got ", x.dtype(),
         " ", x.shape());
  }
  const Scope scope = Scope::outermost("Linear");
  if (places) {
    const Tensor y = sparse_matmul(x, places, weight, true);
    return bias ? y + bias : y;
  }
  return bias ? affine(x, weight, bias) : matmul(x, weight);
}

void Linear::list(Parts& parts) const {
  parts.add("weight", weight, places);
  if (bias) parts.add("bias", bias);
}

void Linear::compress() {
  if (!places) std::tie(places, weight) = compressed(weight);
}

}  // namespace taper::nn
