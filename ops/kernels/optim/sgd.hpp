// SGD's step.
#pragma once

#include "../../../core/tensor.hpp"

#include <span>

namespace taper::kernels {

struct SgdStep {
  double rate, momentum, weight_decay;
  bool nesterov;
};

struct SgdUpdate {
  SgdStep step;
  const Tensor* g;
  Tensor* v;  // null: without momentum
  Tensor* p;
};

// For each of the updates, with g + weight_decay p in place of g unless weight_decay is 0:
//   v <- momentum v + g,   p <- p - rate v,
// with nesterov p - rate (g + momentum v), without v p - rate g. The tensors of one update have one size,
// dtype and device.
void sgd_step(std::span<const SgdUpdate> updates);

}  // namespace taper::kernels
