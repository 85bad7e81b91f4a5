// The loop of Adam's step, compiled for each instruction set: half of its time goes into the square root and
// the division, of which AVX2 does twice as many at a time as the baseline.
#pragma once

#include <cstdint>

namespace taper::kernels {

// What one step multiplies by, the same for all elements of a parameter.
template <class T>
struct AdamStep {
  T beta1, rest1;  // and 1 - beta1
  T beta2, rest2;
  T kept;        // 1 - learning_rate weight_decay
  T rate;        // learning_rate / (1 - beta1^t)
  T correction;  // 1 / sqrt(1 - beta2^t)
  T epsilon;
};

//   m <- beta1 m + rest1 g,   v <- beta2 v + rest2 g^2,   p <- kept p - rate m / (correction sqrt(v) +
//   epsilon)
// for n elements each. All instruction sets give the same bits.
void adam_update(const AdamStep<float>& step, const float* g, std::int64_t n, float* m, float* v, float* p);
void adam_update(const AdamStep<double>& step, const double* g, std::int64_t n, double* m, double* v,
                 double* p);

}  // namespace taper::kernels
