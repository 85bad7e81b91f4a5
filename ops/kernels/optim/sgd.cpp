// SGD's step: one pass over each parameter.
#include "sgd.hpp"

#include "updates.hpp"

namespace taper::kernels {
namespace {

template <class T>
void update(const SgdUpdate& u, std::int64_t begin, std::int64_t end) {
  const T rate = static_cast<T>(u.step.rate), momentum = static_cast<T>(u.step.momentum);
  const T decay = static_cast<T>(u.step.weight_decay);
  const bool nesterov = u.step.nesterov, decays = decay != 0;
  const T* __restrict g = u.g->data<T>();
  T* __restrict p = u.p->mutable_data<T>();
  if (!u.v) {
    for (std::int64_t j = begin; j < end; ++j) p[j] -= rate * (decays ? g[j] + decay * p[j] : g[j]);
    return;
  }
  T* __restrict v = u.v->mutable_data<T>();
  for (std::int64_t j = begin; j < end; ++j) {
    const T slope = decays ? g[j] + decay * p[j] : g[j];
    v[j] = momentum * v[j] + slope;
    p[j] -= rate * (nesterov ? slope + momentum * v[j] : v[j]);
  }
}

}  // namespace

void sgd_step(std::span<const SgdUpdate> updates) {
  for_each_update(
      updates, [](const Backend& backend, const SgdUpdate& u) { backend.sgd(u.step, *u.g, u.v, *u.p); },
      [](const SgdUpdate& u, std::int64_t begin, std::int64_t end) {
        dispatch(u.p->dtype(), [&]<class T>() { update<T>(u, begin, end); });
      });
}

}  // namespace taper::kernels
