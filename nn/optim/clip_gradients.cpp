// clip_gradients: one pass for the norm, and one to scale where that is needed.
#include <taper/core/fail.hpp>
#include <taper/nn/optim/clip_gradients.hpp>
#include <taper/nn/optim/pieces.hpp>

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

}  // namespace

double clip_gradients(const std::vector<Tensor>& parameters, double max_norm) {
  if (!(max_norm > 0)) fail("clip_gradients", "max_norm must be positive, got ", max_norm);
  using taper::detail::PoolVector;
  PoolVector<Tensor> gradients;
  PoolVector<std::int64_t> sizes;
  PoolVector<const void*> memory;
  for (const Tensor& parameter : parameters) {
    const Tensor gradient = parameter.grad();
    if (!gradient) continue;
    gradients.push_back(gradient);
    sizes.push_back(gradient.size());
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
  const double norm = std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
  const double factor = max_norm / (norm + 1e-6);
  if (!std::isfinite(norm) || factor >= 1) return norm;
  for_each_piece(sizes, [&](std::int64_t, std::size_t i, std::int64_t begin, std::int64_t end) {
    dispatch(gradients[i].dtype(), [&]<class T>() {
      T* g = gradients[i].mutable_data<T>();
      for (std::int64_t j = begin; j < end; ++j) g[j] *= static_cast<T>(factor);
    });
  });
  return norm;
}

}  // namespace taper::optim
