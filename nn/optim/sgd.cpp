// SGD: settings, and its kernel's call.
#include "sgd.hpp"

#include "../../core/fail.hpp"
#include "../../core/memory/pool.hpp"
#include "../../ops/kernels/optim/sgd.hpp"

#include <cmath>

namespace taper::optim {
namespace {

// Without weight decay it is not listed: states are then as they were before there was any.
std::vector<std::pair<std::string, double>> settings_of(const SgdOptions& options) {
  std::vector<std::pair<std::string, double>> settings{{"momentum", options.momentum},
                                                       {"nesterov", options.nesterov}};
  if (options.weight_decay != 0) settings.emplace_back("weight_decay", options.weight_decay);
  return settings;
}

}  // namespace

Sgd::Sgd(std::vector<Tensor> parameters, const SgdOptions& options)
    : Optimizer("Sgd", std::move(parameters), options.learning_rate,
                options.momentum > 0 ? std::vector<std::string>{"velocity"} : std::vector<std::string>{},
                settings_of(options)),
      momentum_(options.momentum),
      weight_decay_(options.weight_decay),
      nesterov_(options.nesterov) {
  if (!(momentum_ >= 0 && momentum_ < 1)) fail("Sgd", "momentum must be in [0, 1), got ", momentum_);
  if (!(weight_decay_ >= 0 && std::isfinite(weight_decay_)))
    fail("Sgd", "weight_decay must be finite and at least 0, got ", weight_decay_);
  if (nesterov_ && momentum_ == 0) fail("Sgd", "nesterov needs a momentum above 0, got ", momentum_);
}

void Sgd::update(std::span<Update> updates) {
  internal::PoolVector<kernels::SgdUpdate> all;
  all.reserve(updates.size());
  for (auto& [parameter, gradient, moments, step, rate] : updates) {
    all.push_back({{rate, momentum_, weight_decay_, nesterov_},
                   &gradient,
                   moments.empty() ? nullptr : &moments[0],
                   &parameter});
  }
  kernels::sgd_step(all);
}

}  // namespace taper::optim
