// SGD: one pass over each parameter.
#include "sgd.hpp"

#include "../../core/fail.hpp"
#include "../../ops/kernels/backend.hpp"

namespace taper::optim {

Sgd::Sgd(std::vector<Tensor> parameters, const SgdOptions& options)
    : Optimizer("Sgd", std::move(parameters), options.learning_rate),
      momentum_(options.momentum),
      nesterov_(options.nesterov) {
  if (!(momentum_ >= 0 && momentum_ < 1)) fail("Sgd", "momentum must be in [0, 1), got ", momentum_);
  if (nesterov_ && momentum_ == 0) fail("Sgd", "nesterov needs a momentum above 0, got ", momentum_);
  if (momentum_ > 0) velocity_ = zeros_like_parameters();
}

Optimizer::Description Sgd::describe() const {
  Description description{{{"momentum", momentum_}, {"nesterov", nesterov_}}, {}};
  if (momentum_ > 0) description.moments.emplace_back("velocity", velocity_);
  return description;
}

void Sgd::update(std::size_t i, const Tensor& gradient, std::int64_t begin, std::int64_t end) {
  dispatch(gradient.dtype(), [&]<class T>() {
    const T rate = static_cast<T>(learning_rate_), momentum = static_cast<T>(momentum_);
    const bool nesterov = nesterov_;
    const T* __restrict g = gradient.data<T>();
    T* __restrict p = parameters_[i].mutable_data<T>();
    if (momentum == 0) {
      for (std::int64_t j = begin; j < end; ++j) p[j] -= rate * g[j];
      return;
    }
    T* __restrict v = velocity_[i].mutable_data<T>();
    for (std::int64_t j = begin; j < end; ++j) {
      v[j] = momentum * v[j] + g[j];
      p[j] -= rate * (nesterov ? g[j] + momentum * v[j] : v[j]);
    }
  });
}

void Sgd::update(const kernels::Backend& backend, std::size_t i, const Tensor& gradient) {
  backend.sgd(learning_rate_, momentum_, nesterov_, gradient, momentum_ > 0 ? &velocity_[i] : nullptr,
              parameters_[i]);
}

void Sgd::move_moments(std::size_t i, Kind kind) {
  if (momentum_ > 0) velocity_[i] = velocity_[i].to(kind);
}

}  // namespace taper::optim
