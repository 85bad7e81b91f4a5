// clip_gradients: one pass for the norm, and one to scale where that is needed.
#include "clip_gradients.hpp"

#include "../../core/create.hpp"
#include "../../core/fail.hpp"
#include "../../ops/kernels/backend.hpp"
#include "../../ops/kernels/elementwise/functions.hpp"
#include "../../ops/kernels/reduction/reduce.hpp"
#include "../../ops/layout/concat.hpp"
#include "pieces.hpp"

#include <cmath>

namespace taper::optim {
namespace {

// In eight lanes, so that the compiler vectorises it; always in the same order.
template <class T>
double sum_of_squares(const T* x, std::int64_t n) {
  constexpr int lanes = 8;
  double lane[lanes] = {};
  std::int64_t j = 0;
  for (; j + lanes <= n; j += lanes) {
    for (int l = 0; l < lanes; ++l) {
      lane[l] += static_cast<double>(x[j + l]) * static_cast<double>(x[j + l]);
    }
  }
  for (; j < n; ++j) lane[0] += static_cast<double>(x[j]) * static_cast<double>(x[j]);
  return std::accumulate(lane, lane + lanes, 0.0);
}

// The sum of squares of the gradients that lie on a device other than the CPU. Waits for it once.
double sum_of_squares_on_device(const taper::detail::PoolVector<Tensor>& gradients) {
  std::vector<Tensor> squares;
  for (const Tensor& gradient : gradients) {
    const kernels::Backend* backend = kernels::backend_of(gradient);
    if (!backend) continue;
    const Shape flat{gradient.size()};
    squares.push_back(Tensor::uninitialized("clip_gradients", {1}, {float64, gradient.device()}));
    backend->reduce(kernels::Reduction::sum_of_squares, kernels::plan_reduction(flat, {1}, true),
                    gradient.detach().view(flat), squares.back());
  }
  if (squares.empty()) return 0;
  const std::vector<double> sums = concat(squares, 0).to_vector();
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

// gradient <- factor * gradient, in place, on a device other than the CPU.
void scale_on_device(const kernels::Backend& backend, Tensor& gradient, double factor) {
  const Tensor scalar = scalar_like(factor, gradient);
  const Shape each{1}, none{0};
  backend.map({kernels::Functions::index_of<kernels::functions::Multiply>(),
               2,
               {&gradient, &scalar},
               {gradient.size()},
               {each, none}},
              gradient);
}

}  // namespace

double clip_gradients(const std::vector<Tensor>& parameters, double max_norm) {
  if (!(max_norm > 0)) fail("clip_gradients", "max_norm must be positive, got ", max_norm);
  taper::detail::check_given("clip_gradients", "parameters", parameters);
  using taper::detail::PoolVector;
  PoolVector<Tensor> gradients;
  PoolVector<std::int64_t> sizes;
  PoolVector<const void*> memory;
  for (const Tensor& parameter : parameters) {
    const Tensor gradient = parameter.grad();
    if (!gradient) continue;
    gradients.push_back(gradient);
    sizes.push_back(gradient.device().is_cpu() ? gradient.size() : 0);
    memory.push_back(gradient.impl().data);
  }
  std::sort(memory.begin(), memory.end());
  if (std::adjacent_find(memory.begin(), memory.end()) != memory.end())
    fail("clip_gradients", "a parameter is listed twice among the ", parameters.size());

  PoolVector<double> squares(static_cast<std::size_t>(task_count(sizes)));
  for_each_piece(sizes, [&](std::int64_t task, std::size_t i, std::int64_t begin, std::int64_t end) {
    squares[static_cast<std::size_t>(task)] += dispatch(gradients[i].dtype(), [&]<class T>() {
      return sum_of_squares(gradients[i].data<T>() + begin, end - begin);
    });
  });
  const double norm =
      std::sqrt(std::accumulate(squares.begin(), squares.end(), sum_of_squares_on_device(gradients)));
  const double factor = max_norm / (norm + 1e-6);
  if (!std::isfinite(norm) || factor >= 1) return norm;
  for (Tensor& gradient : gradients) {
    const kernels::Backend* backend = kernels::backend_of(gradient);
    if (backend && gradient.size() != 0) scale_on_device(*backend, gradient, factor);
  }
  for_each_piece(sizes, [&](std::int64_t, std::size_t i, std::int64_t begin, std::int64_t end) {
    dispatch(gradients[i].dtype(), [&]<class T>() {
      T* g = gradients[i].mutable_data<T>();
      for (std::int64_t j = begin; j < end; ++j) g[j] *= static_cast<T>(factor);
    });
  });
  return norm;
}

}  // namespace taper::optim
