// RMSProp: settings, and its kernel's call.
#include "rms_prop.hpp"

#include "../../core/fail.hpp"
#include "../../core/memory/pool.hpp"
#include "../../ops/kernels/optim/rms_prop.hpp"

namespace taper::optim {

RmsProp::RmsProp(std::vector<Tensor> parameters, const RmsPropOptions& options)
    : Optimizer("RmsProp", std::move(parameters), options.learning_rate, {"mean_square"},
                {{"decay", options.decay}, {"epsilon", options.epsilon}}),
      decay_(options.decay),
      epsilon_(options.epsilon) {
  if (!(decay_ >= 0 && decay_ < 1)) fail("RmsProp", "decay must be in [0, 1), got ", decay_);
  if (!(epsilon_ > 0)) fail("RmsProp", "epsilon must be positive, got ", epsilon_);
}

void RmsProp::update(std::span<Update> updates) {
  internal::PoolVector<kernels::RmsPropUpdate> all;
  all.reserve(updates.size());
  for (auto& [parameter, gradient, moments, step, rate] : updates)
    all.push_back({{rate, decay_, epsilon_}, &gradient, &moments[0], &parameter});
  kernels::rms_prop_step(all);
}

}  // namespace taper::optim
