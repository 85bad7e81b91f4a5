// SGD's step.
#pragma once

#include "../../../core/tensor.hpp"

#include <span>

namespace taper::kernels {

struct SgdStep {
  double rate, momentum;
  bool nesterov;
};

struct SgdUpdate {
  const Tensor* g;
  Tensor* v;  // null: without momentum
  Tensor* p;
};

// For each of the updates:
//   v <- momentum v + g,   p <- p - rate v,
// with nesterov p - rate (g + momentum v), without v p - rate g. The tensors of one update have one size,
// dtype and device.
void sgd_step(const SgdStep& step, std::span<const SgdUpdate> updates);

}  // namespace taper::kernels
