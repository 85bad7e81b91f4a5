// RMSProp's step: one pass over each parameter.
#include "rms_prop.hpp"

#include "updates.hpp"

#include <cmath>

namespace taper::kernels {
namespace {

template <class T>
void update(const RmsPropUpdate& u, std::int64_t begin, std::int64_t end) {
  const T rate = static_cast<T>(u.step.rate), epsilon = static_cast<T>(u.step.epsilon);
  const T decay = static_cast<T>(u.step.decay), rest = static_cast<T>(1 - u.step.decay);
  const T* __restrict g = u.g->data<T>();
  T* __restrict v = u.v->mutable_data<T>(), * __restrict p = u.p->mutable_data<T>();
  for (std::int64_t j = begin; j < end; ++j) {
    v[j] = decay * v[j] + rest * (g[j] * g[j]);
    p[j] -= rate * g[j] / (std::sqrt(v[j]) + epsilon);
  }
}

}  // namespace

void rms_prop_step(std::span<const RmsPropUpdate> updates) {
  for_each_update(
      updates,
      [](const Backend& backend, const RmsPropUpdate& u) { backend.rms_prop(u.step, *u.g, *u.v, *u.p); },
      [](const RmsPropUpdate& u, std::int64_t begin, std::int64_t end) {
        dispatch(u.p->dtype(), [&]<class T>() { update<T>(u, begin, end); });
      });
}

}  // namespace taper::kernels
