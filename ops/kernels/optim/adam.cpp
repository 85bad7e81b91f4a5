// Adam's step. Its loop is plain C++, which the compiler vectorises once for each instruction set, without
// contraction (cmake/library.cmake), so that all of them round alike.
// clang-format off: foreach_target.h includes this file again, and the order matters
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/optim/adam.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "adam.hpp"
#include "updates.hpp"

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

void adam_step(std::span<const AdamUpdate> updates) {
  for_each_update(
      updates,
      [](const Backend& backend, const AdamUpdate& u) { backend.adam(u.step, *u.g, *u.m, *u.v, *u.p); },
      [](const AdamUpdate& u, std::int64_t begin, std::int64_t end) {
        dispatch(u.p->dtype(), [&]<class T>() {
          update<T>(u.step.to<T>(), u.g->data<T>() + begin, end - begin, u.m->mutable_data<T>() + begin,
                    u.v->mutable_data<T>() + begin, u.p->mutable_data<T>() + begin);
        });
      });
}

}  // namespace taper::kernels
#endif
