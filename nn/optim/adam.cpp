// Adam and AdamW: settings, and what a step multiplies by.
#include "adam.hpp"

#include "../../core/fail.hpp"
#include "../../core/memory/pool.hpp"
#include "../../ops/kernels/optim/adam.hpp"

#include <cmath>

namespace taper::optim {

Adam::Adam(std::vector<Tensor> parameters, const AdamOptions& options)
    : Adam("Adam", std::move(parameters), options, 0) {}

AdamW::AdamW(std::vector<Tensor> parameters, const AdamWOptions& o)
    : Adam("AdamW", std::move(parameters), {o.learning_rate, o.beta1, o.beta2, o.epsilon}, o.weight_decay) {}

Adam::Adam(const char* kind, std::vector<Tensor> parameters, const AdamOptions& options, double weight_decay)
    : Optimizer(kind, std::move(parameters), options.learning_rate, {"first_moment", "second_moment"},
                {{"beta1", options.beta1},
                 {"beta2", options.beta2},
                 {"epsilon", options.epsilon},
                 {"weight_decay", weight_decay}}),
      beta1_(options.beta1),
      beta2_(options.beta2),
      epsilon_(options.epsilon),
      weight_decay_(weight_decay) {
  const auto is_beta = [](double beta) { return beta >= 0 && beta < 1; };
  if (!is_beta(beta1_)) fail(kind, "beta1 must be in [0, 1), got ", beta1_);
  if (!is_beta(beta2_)) fail(kind, "beta2 must be in [0, 1), got ", beta2_);
  if (!(epsilon_ > 0)) fail(kind, "epsilon must be positive, got ", epsilon_);
  if (!(weight_decay >= 0 && std::isfinite(weight_decay)))
    fail(kind, "weight_decay must be finite and at least 0, got ", weight_decay);
}

void Adam::update(std::span<Update> updates) {
  internal::PoolVector<kernels::AdamUpdate> all;
  all.reserve(updates.size());
  std::int64_t known = 0;                  // most parameters have the t of the one before,
  double first_rest = 0, second_rest = 0;  // and so its 1 - beta^t
  for (auto& [parameter, gradient, moments, t, rate] : updates) {
    if (t != known) {
      known = t;
      first_rest = 1 - std::pow(beta1_, static_cast<double>(t));
      second_rest = 1 - std::pow(beta2_, static_cast<double>(t));
    }
    const kernels::AdamStep<double> step{
        .beta1 = beta1_,
        .rest1 = 1 - beta1_,
        .beta2 = beta2_,
        .rest2 = 1 - beta2_,
        .kept = 1 - rate * weight_decay_,
        .rate = rate / first_rest,
        .correction = 1 / std::sqrt(second_rest),
        .epsilon = epsilon_,
    };
    all.push_back({step, &gradient, &moments[0], &moments[1], &parameter});
  }
  kernels::adam_step(all);
}

}  // namespace taper::optim
