// What the steps of all optimizers have in common: each parameter is updated on its device.
#pragma once

#include "../backend.hpp"
#include "pieces.hpp"

#include <span>

namespace taper::kernels {

// Calls on_device(backend, u) for each update u whose parameter u.p lies on a device other than the CPU. For
// the others calls on_cpu(u, begin, end) on stretches of their elements, which threads share.
template <class Update, class OnDevice, class OnCpu>
void for_each_update(std::span<const Update> updates, const OnDevice& on_device, const OnCpu& on_cpu) {
  internal::PoolVector<std::int64_t> sizes(updates.size());
  for (std::size_t i = 0; i < updates.size(); ++i) {
    if (const Backend* backend = backend_of(*updates[i].p)) {
      on_device(*backend, updates[i]);
    } else {
      sizes[i] = updates[i].p->size();
    }
  }
  for_each_piece(sizes, [&](std::int64_t, std::size_t i, std::int64_t begin, std::int64_t end) {
    on_cpu(updates[i], begin, end);
  });
}

}  // namespace taper::kernels
