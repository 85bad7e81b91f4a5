// Adam and AdamW: settings, and what a step multiplies by.
#include "adam.hpp"

#include "../../core/fail.hpp"
#include "../../ops/kernels/backend.hpp"

#include <cmath>

namespace taper::optim {

Adam::Adam(std::vector<Tensor> parameters, const AdamOptions& options)
    : Adam("Adam", std::move(parameters), options, 0) {}

AdamW::AdamW(std::vector<Tensor> parameters, const AdamWOptions& o)
    : Adam("AdamW", std::move(parameters), {o.learning_rate, o.beta1, o.beta2, o.epsilon}, o.weight_decay) {}

Adam::Adam(const char* kind, std::vector<Tensor> parameters, const AdamOptions& options, double weight_decay)
    : Optimizer(kind, std::move(parameters), options.learning_rate),
      beta1_(options.beta1),
      beta2_(options.beta2),
      epsilon_(options.epsilon),
      weight_decay_(weight_decay),
      first_moment_(zeros_like_parameters()),
      second_moment_(zeros_like_parameters()) {
  const auto is_beta = [](double beta) { return beta >= 0 && beta < 1; };
  if (!is_beta(beta1_)) fail(kind, "beta1 must be in [0, 1), got ", beta1_);
  if (!is_beta(beta2_)) fail(kind, "beta2 must be in [0, 1), got ", beta2_);
  if (!(epsilon_ > 0)) fail(kind, "epsilon must be positive, got ", epsilon_);
  if (!(weight_decay >= 0 && std::isfinite(weight_decay)))
    fail(kind, "weight_decay must be finite and at least 0, got ", weight_decay);
}

Optimizer::Description Adam::describe() const {
  return {{{"beta1", beta1_}, {"beta2", beta2_}, {"epsilon", epsilon_}, {"weight_decay", weight_decay_}},
          {{"first_moment", first_moment_}, {"second_moment", second_moment_}}};
}

template <class T>
kernels::AdamStep<T> Adam::step_of(std::size_t i) const {
  const auto t = static_cast<double>(steps_[i]);
  // The differences in double: 1 - 0.999f is off by one part in 80000.
  return {
      .beta1 = static_cast<T>(beta1_),
      .rest1 = static_cast<T>(1 - beta1_),
      .beta2 = static_cast<T>(beta2_),
      .rest2 = static_cast<T>(1 - beta2_),
      .kept = static_cast<T>(1 - learning_rate_ * weight_decay_),
      .rate = static_cast<T>(learning_rate_ / (1 - std::pow(beta1_, t))),
      .correction = static_cast<T>(1 / std::sqrt(1 - std::pow(beta2_, t))),
      .epsilon = static_cast<T>(epsilon_),
  };
}

void Adam::update(const kernels::Backend& backend, std::size_t i, const Tensor& gradient) {
  backend.adam(step_of<double>(i), gradient, first_moment_[i], second_moment_[i], parameters_[i]);
}

void Adam::move_moments(std::size_t i, Kind kind) {
  first_moment_[i] = first_moment_[i].to(kind);
  second_moment_[i] = second_moment_[i].to(kind);
}

void Adam::update(std::size_t i, const Tensor& gradient, std::int64_t begin, std::int64_t end) {
  dispatch(gradient.dtype(), [&]<class T>() {
    kernels::adam_update(
        step_of<T>(i), gradient.data<T>() + begin, end - begin, first_moment_[i].mutable_data<T>() + begin,
        second_moment_[i].mutable_data<T>() + begin, parameters_[i].mutable_data<T>() + begin);
  });
}

}  // namespace taper::optim
