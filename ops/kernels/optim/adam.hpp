// Adam's step. Its loop is compiled for each instruction set: half of its time goes into square roots and
// divisions, and AVX2 does twice as many of these at a time as the baseline.
#pragma once

#include "../../../core/tensor.hpp"

#include <span>

namespace taper::kernels {

// What one step multiplies by, the same for all elements of a parameter.
template <class T>
struct AdamStep {
  T beta1, rest1;  // rest1 = 1 - beta1
  T beta2, rest2;
  T kept;        // 1 - learning_rate weight_decay
  T rate;        // learning_rate / (1 - beta1^t)
  T correction;  // 1 / sqrt(1 - beta2^t)
  T epsilon;

  // Each rounded to U. (The differences are taken in double: 1 - 0.999f is off by one part in 80000.)
  template <class U>
  AdamStep<U> to() const {
    const auto rounded = [](T x) { return static_cast<U>(x); };
    return {rounded(beta1), rounded(rest1), rounded(beta2),      rounded(rest2),
            rounded(kept),  rounded(rate),  rounded(correction), rounded(epsilon)};
  }
};

struct AdamUpdate {
  AdamStep<double> step;
  const Tensor* g;
  Tensor *m, *v, *p;
};

// For each of the updates:
//   m <- beta1 m + rest1 g,   v <- beta2 v + rest2 g^2,
//   p <- kept p - rate m / (correction sqrt(v) + epsilon).
// The tensors of one update have one size, dtype and device. All instruction sets give the same bits.
void adam_step(std::span<const AdamUpdate> updates);

}  // namespace taper::kernels
