// The loop of Adam's step. Plain C++, which the compiler vectorises once for each instruction set; without
// contraction (cmake/library.cmake), so that none of them rounds less often than the others.
// clang-format off: foreach_target.h includes this file again, and the order matters
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/optim/adam.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "adam.hpp"

#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

template <class T>
void update(const AdamStep<T>& step, const T* HWY_RESTRICT g, std::int64_t n, T* HWY_RESTRICT m,
            T* HWY_RESTRICT v, T* HWY_RESTRICT p) {
  const AdamStep<T> s = step;
  for (std::int64_t j = 0; j < n; ++j) {
    m[j] = s.beta1 * m[j] + s.rest1 * g[j];
    v[j] = s.beta2 * v[j] + s.rest2 * (g[j] * g[j]);
    p[j] = s.kept * p[j] - s.rate * m[j] / (s.correction * std::sqrt(v[j]) + s.epsilon);
  }
}

TAPER_NAME_BOTH(update);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(update);

}  // namespace

void adam_update(const AdamStep<float>& step, const float* g, std::int64_t n, float* m, float* v, float* p) {
  update<float>(step, g, n, m, v, p);
}
void adam_update(const AdamStep<double>& step, const double* g, std::int64_t n, double* m, double* v,
                 double* p) {
  update<double>(step, g, n, m, v, p);
}

}  // namespace taper::kernels
#endif
