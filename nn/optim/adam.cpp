// Adam: one pass over each parameter.
#include <taper/core/fail.hpp>
#include <taper/nn/optim/adam.hpp>

#include <cmath>

namespace taper::optim {

Adam::Adam(std::vector<Tensor> parameters, const AdamOptions& options)
    : Optimizer(std::move(parameters)),
      options_(options),
      first_moment_(zeros_like_each(parameters_)),
      second_moment_(zeros_like_each(parameters_)) {
  const auto is_beta = [](double beta) { return beta >= 0 && beta < 1; };
  if (!(options.learning_rate > 0))
    fail("Adam", "learning_rate must be positive, got ", options.learning_rate);
  if (!is_beta(options.beta1)) fail("Adam", "beta1 must be in [0, 1), got ", options.beta1);
  if (!is_beta(options.beta2)) fail("Adam", "beta2 must be in [0, 1), got ", options.beta2);
  if (!(options.epsilon > 0)) fail("Adam", "epsilon must be positive, got ", options.epsilon);
}

void Adam::step() {
  beta1_power_ *= options_.beta1;
  beta2_power_ *= options_.beta2;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor gradient = parameters_[i].grad();
    if (!gradient) continue;
    dispatch(gradient.dtype(), [&]<class T>() {
      const T beta1 = static_cast<T>(options_.beta1), beta2 = static_cast<T>(options_.beta2);
      const T rate = static_cast<T>(options_.learning_rate / (1 - beta1_power_));
      const T correction = static_cast<T>(1 / std::sqrt(1 - beta2_power_));
      const T epsilon = static_cast<T>(options_.epsilon);
      const T* __restrict g = gradient.data<T>();
      T* __restrict m = first_moment_[i].mutable_data<T>();
      T* __restrict v = second_moment_[i].mutable_data<T>();
      T* __restrict p = parameters_[i].mutable_data<T>();
      for (std::int64_t j = 0, n = gradient.size(); j < n; ++j) {
        m[j] = beta1 * m[j] + (1 - beta1) * g[j];
        v[j] = beta2 * v[j] + (1 - beta2) * g[j] * g[j];
        p[j] -= rate * m[j] / (std::sqrt(v[j]) * correction + epsilon);
      }
    });
  }
}

}  // namespace taper::optim
