// SGD: settings, and its kernel's call.
#include "sgd.hpp"

#include "../../core/fail.hpp"
#include "../../core/memory/pool.hpp"
#include "../../ops/kernels/optim/sgd.hpp"

namespace taper::optim {

Sgd::Sgd(std::vector<Tensor> parameters, const SgdOptions& options)
    : Optimizer("Sgd", std::move(parameters), options.learning_rate,
                options.momentum > 0 ? std::vector<std::string>{"velocity"} : std::vector<std::string>{},
                {{"momentum", options.momentum}, {"nesterov", options.nesterov}}),
      momentum_(options.momentum),
      nesterov_(options.nesterov) {
  if (!(momentum_ >= 0 && momentum_ < 1)) fail("Sgd", "momentum must be in [0, 1), got ", momentum_);
  if (nesterov_ && momentum_ == 0) fail("Sgd", "nesterov needs a momentum above 0, got ", momentum_);
}

void Sgd::update(std::span<Update> updates) {
  internal::PoolVector<kernels::SgdUpdate> all;
  all.reserve(updates.size());
  for (auto& [parameter, gradient, moments, step] : updates)
    all.push_back({&gradient, moments.empty() ? nullptr : &moments[0], &parameter});
  kernels::sgd_step({learning_rate(), momentum_, nesterov_}, all);
}

}  // namespace taper::optim
