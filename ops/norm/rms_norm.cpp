// rms_norm: y = gain u, u = r x; with g = gain dy: dx = r (g - u mean(g u)).
#include "rms_norm.hpp"

#include "layer_norm.hpp"

namespace taper {

Tensor rms_norm(const Tensor& x, const Tensor& gain, double epsilon) {
  return internal::normalize_rows(false, x, gain, nullptr, epsilon);
}

}  // namespace taper
