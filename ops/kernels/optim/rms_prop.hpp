// RMSProp's step.
#pragma once

#include "../../../core/tensor.hpp"

#include <span>

namespace taper::kernels {

struct RmsPropStep {
  double rate, decay, epsilon;
};

struct RmsPropUpdate {
  RmsPropStep step;
  const Tensor* g;
  Tensor *v, *p;
};

// For each of the updates:
//   v <- decay v + (1 - decay) g^2,   p <- p - rate g / (sqrt(v) + epsilon).
// The tensors of one update have one size, dtype and device.
void rms_prop_step(std::span<const RmsPropUpdate> updates);

}  // namespace taper::kernels
