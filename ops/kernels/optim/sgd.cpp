// SGD's step: one pass over each parameter.
#include "sgd.hpp"

#include "updates.hpp"

namespace taper::kernels {
namespace {

template <class T>
void update(const SgdStep& step, const SgdUpdate& u, std::int64_t begin, std::int64_t end) {
  const T rate = static_cast<T>(step.rate), momentum = static_cast<T>(step.momentum);
  const bool nesterov = step.nesterov;
  const T* __restrict g = u.g->data<T>();
  T* __restrict p = u.p->mutable_data<T>();
  if (!u.v) {
    for (std::int64_t j = begin; j < end; ++j) p[j] -= rate * g[j];
    return;
  }
  T* __restrict v = u.v->mutable_data<T>();
  for (std::int64_t j = begin; j < end; ++j) {
    v[j] = momentum * v[j] + g[j];
    p[j] -= rate * (nesterov ? g[j] + momentum * v[j] : v[j]);
  }
}

}  // namespace

void sgd_step(const SgdStep& step, std::span<const SgdUpdate> updates) {
  for_each_update(
      updates, [&](const Backend& backend, const SgdUpdate& u) { backend.sgd(step, *u.g, u.v, *u.p); },
      [&](const SgdUpdate& u, std::int64_t begin, std::int64_t end) {
        dispatch(u.p->dtype(), [&]<class T>() { update<T>(step, u, begin, end); });
      });
}

}  // namespace taper::kernels
