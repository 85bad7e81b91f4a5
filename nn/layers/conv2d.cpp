// Conv2d: initialisation and forward.
#include "conv2d.hpp"

#include "../../core/fail.hpp"
#include "../../ops/convolution/conv2d.hpp"

#include <cmath>

namespace taper::nn {

Conv2d::Conv2d(std::int64_t inputs, std::int64_t outputs, const Size2d& kernel, Generator& generator,
               const Conv2dOptions& options)
    : stride_(options.stride),
      padding_(options.padding),
      dilation_(options.dilation),
      groups_(options.groups) {
  if (inputs < 1 || outputs < 1 || kernel.height < 1 || kernel.width < 1) {
    fail("Conv2d", "wanted inputs, outputs and a kernel of at least 1, got ", inputs, ", ", outputs, " and ",
         kernel);
  }
  if (groups_ < 1 || inputs % groups_ != 0 || outputs % groups_ != 0) {
    fail("Conv2d", "groups must divide the inputs and the outputs, got ", groups_, " groups for ", inputs,
         " inputs and ", outputs, " outputs");
  }
  const Shape shape{outputs, inputs / groups_, kernel.height, kernel.width};
  const double bound = 1 / std::sqrt(static_cast<double>(shape[1] * kernel.area()));
  weight = uniform(shape, -bound, bound, generator, options.dtype).requires_grad();
  if (options.bias) bias = uniform({outputs}, -bound, bound, generator, options.dtype).requires_grad();
}

Tensor Conv2d::operator()(const Tensor& x) const {
  check_given("Conv2d", "x", x, "weight", weight);
  const std::int64_t inputs = weight.extent(1) * groups_;
  if (x.rank() != 4 || x.extent(1) != inputs || x.dtype() != weight.dtype()) {
    fail("Conv2d", "x must be ", weight.dtype(), " of shape (batch, ", inputs, ", height, width), got ",
         x.dtype(), " ", x.shape());
  }
  const Scope scope = Scope::outermost("Conv2d");
  const taper::Conv2dOptions options{stride_, padding_, dilation_, groups_};
  return bias ? conv2d(x, weight, bias, options) : conv2d(x, weight, options);
}

void Conv2d::list(Parts& parts) const {
  parts.add("weight", weight);
  if (bias) parts.add("bias", bias);
}

}  // namespace taper::nn
