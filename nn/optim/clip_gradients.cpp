// clip_gradients: the norm, and the factor by which gradients shrink.
#include "clip_gradients.hpp"

#include "../../core/fail.hpp"
#include "../../ops/kernels/optim/clip.hpp"

#include <algorithm>
#include <cmath>

namespace taper::optim {

double clip_gradients(const std::vector<Tensor>& parameters, double max_norm) {
  if (!(max_norm > 0)) fail("clip_gradients", "max_norm must be positive, got ", max_norm);
  check_given("clip_gradients", "parameters", parameters);
  internal::PoolVector<Tensor> gradients;
  internal::PoolVector<const void*> memory;
  for (const Tensor& parameter : parameters) {
    const Tensor gradient = parameter.grad();
    if (!gradient || !parameter.wants_grad()) continue;
    gradients.push_back(gradient);
    if (gradient.size() > 0) memory.push_back(gradient.impl().data);
  }
  std::sort(memory.begin(), memory.end());
  if (std::adjacent_find(memory.begin(), memory.end()) != memory.end())
    fail("clip_gradients", "a parameter is listed twice among the ", parameters.size());

  const double norm = std::sqrt(kernels::sum_of_squares(gradients));
  const double factor = max_norm / (norm + 1e-6);
  if (std::isfinite(norm) && factor < 1) kernels::scale(gradients, factor);
  return norm;
}

}  // namespace taper::optim
