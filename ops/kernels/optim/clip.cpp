// Clipping: one pass for the sum of squares, and one to scale.
#include "clip.hpp"

#include "../../../core/create.hpp"
#include "../elementwise/elementwise.hpp"
#include "../reduction/reduce.hpp"
#include "pieces.hpp"

namespace taper::kernels {
namespace {

using internal::PoolVector;

// Summed in eight lanes, so that the compiler vectorises it; always in the same order.
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

// The same for those tensors that lie on a device other than the CPU.
double sum_of_squares_on_device(const PoolVector<Tensor>& tensors) {
  Tensor sums;  // of each tensor
  std::int64_t place = 0;
  for (const Tensor& x : tensors) {
    const Backend* backend = backend_of(x);
    if (!backend) continue;
    const Kind kind(float64, x.device());
    if (!sums) sums = zeros({static_cast<std::int64_t>(tensors.size())}, kind);
    const Shape flat{x.size()};
    Tensor sum = Tensor::uninitialized("sum_of_squares", {1}, kind);
    backend->reduce(Reduction::sum_of_squares, plan_reduction(flat, {1}, true), x.view(flat), sum);
    backend->copy_strided({.extents = {1}, .from = {0, {1}}, .to = {place++, {1}}}, sum, sums);
  }
  if (!sums) return 0;
  const std::vector<double> values = sums.to_vector();
  return std::accumulate(values.begin(), values.end(), 0.0);
}

// How many elements of each tensor lie on the CPU: all or none.
PoolVector<std::int64_t> sizes_on_cpu(const PoolVector<Tensor>& tensors) {
  PoolVector<std::int64_t> sizes(tensors.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (tensors[i].device().is_cpu()) sizes[i] = tensors[i].size();
  }
  return sizes;
}

}  // namespace

double sum_of_squares(const PoolVector<Tensor>& tensors) {
  const PoolVector<std::int64_t> sizes = sizes_on_cpu(tensors);
  PoolVector<double> squares(static_cast<std::size_t>(task_count(sizes)));
  for_each_piece(sizes, [&](std::int64_t task, std::size_t i, std::int64_t begin, std::int64_t end) {
    squares[static_cast<std::size_t>(task)] += dispatch(tensors[i].dtype(), [&]<class T>() {
      return sum_of_squares(tensors[i].data<T>() + begin, end - begin);
    });
  });
  return std::accumulate(squares.begin(), squares.end(), sum_of_squares_on_device(tensors));
}

void scale(PoolVector<Tensor>& tensors, double factor) {
  for (Tensor& x : tensors) {
    if (x.device().is_cpu()) continue;
    const Tensor scalar = scalar_like(factor, x);
    detail::map_flat("scale", detail::function_of<2>(functions::Multiply()),
                     std::array<const Tensor*, 2>{&x, &scalar}, std::array<std::int64_t, 2>{1, 0}, x);
  }
  for_each_piece(sizes_on_cpu(tensors),
                 [&](std::int64_t, std::size_t i, std::int64_t begin, std::int64_t end) {
                   dispatch(tensors[i].dtype(), [&]<class T>() {
                     T* x = tensors[i].mutable_data<T>();
                     for (std::int64_t j = begin; j < end; ++j) x[j] *= static_cast<T>(factor);
                   });
                 });
}

}  // namespace taper::kernels
