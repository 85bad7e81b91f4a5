// cast: dx = dy in the dtype of x. The conversion is Tensor::to, which core needs as well.
#include "cast.hpp"

namespace taper {

Tensor cast(const Tensor& x, DType dtype) {
  check_given("cast", "x", x);
  return x.to(dtype);
}

}  // namespace taper
