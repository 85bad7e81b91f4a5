// MaxPool2d, AvgPool2d and Flatten: forward.
#include "pool2d.hpp"

#include "../../core/fail.hpp"
#include "../../ops/layout/flatten.hpp"

namespace taper::nn {

Tensor MaxPool2d::operator()(const Tensor& x) const {
  const Scope scope = Scope::outermost("MaxPool2d");
  return max_pool2d(x, size_, options_);
}

Tensor AvgPool2d::operator()(const Tensor& x) const {
  const Scope scope = Scope::outermost("AvgPool2d");
  return avg_pool2d(x, size_, options_);
}

Tensor Flatten::operator()(const Tensor& x) const {
  check_given("Flatten", "x", x);
  if (x.rank() < 2) fail("Flatten", "x must be of shape (batch, …), got ", x.shape());
  const Scope scope = Scope::outermost("Flatten");
  return flatten(x, 1);
}

}  // namespace taper::nn
