// SGD: one pass over each parameter.
#include <taper/core/fail.hpp>
#include <taper/nn/optim/sgd.hpp>

namespace taper::optim {

Sgd::Sgd(std::vector<Tensor> parameters, const SgdOptions& options)
    : Optimizer(std::move(parameters)), options_(options), velocity_(zeros_like_each(parameters_)) {
  if (!(options.learning_rate > 0))
    fail("Sgd", "learning_rate must be positive, got ", options.learning_rate);
  if (!(options.momentum >= 0 && options.momentum < 1))
    fail("Sgd", "momentum must be in [0, 1), got ", options.momentum);
}

void Sgd::step() {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor gradient = parameters_[i].grad();
    if (!gradient) continue;
    dispatch(gradient.dtype(), [&]<class T>() {
      const T rate = static_cast<T>(options_.learning_rate), momentum = static_cast<T>(options_.momentum);
      const T* __restrict g = gradient.data<T>();
      T* __restrict v = velocity_[i].mutable_data<T>();
      T* __restrict p = parameters_[i].mutable_data<T>();
      for (std::int64_t j = 0, n = gradient.size(); j < n; ++j) {
        v[j] = momentum * v[j] + g[j];
        p[j] -= rate * v[j];
      }
    });
  }
}

}  // namespace taper::optim
