// Cross entropy: the CPU's loops.
#include "cross_entropy.hpp"

#include "../../../core/memory/pool.hpp"
#include "../../../core/threads.hpp"
#include "exp_row.hpp"

#include <algorithm>
#include <cmath>

namespace taper::kernels {
namespace {

// 0 v is 0 here, even for an infinite v.
double weighted(double weight, double v) { return weight == 0 ? 0 : weight * v; }

// Calls body(row), on several threads if there is enough to do.
template <class Body>
void for_each_row(const Tensor& logits, std::int64_t rows, const Body& body) {
  const std::int64_t rows_per_task = 1 + 8192 / std::max<std::int64_t>(1, logits.extent(-1));
  parallel_for((rows + rows_per_task - 1) / rows_per_task, [&](std::int64_t task) {
    const std::int64_t begin = task * rows_per_task, end = std::min(begin + rows_per_task, rows);
    for (std::int64_t row = begin; row < end; ++row) body(row);
  });
}

// -sum_j t_j log p_j = log total - (1 - e) (z_y - largest) - e (mean(z) - largest).
template <class T>
double row_loss(const T* z, std::int64_t n, std::int64_t label, double smoothing, const ExpTotal<T>& row) {
  const auto relative = [&](std::int64_t j) {
    return static_cast<double>(z[j]) - static_cast<double>(row.largest);
  };
  double sum = 0;
  if (smoothing > 0) {
    for (std::int64_t j = 0; j < n; ++j) sum += relative(j);
  }
  return std::log(row.total) - weighted(1 - smoothing, relative(label)) -
         weighted(smoothing, sum / static_cast<double>(n));
}

bool ignores(const CrossEntropyCall& call, std::int64_t row) {
  return call.labels[row] == call.ignored_label;
}

}  // namespace

CrossEntropy cross_entropy(const char* op, const CrossEntropyCall& call, const Tensor& logits) {
  Tensor loss = Tensor::uninitialized(op, {}, logits.kind());
  Tensor totals = Tensor::uninitialized(op, {call.labels.size(), 2}, logits.kind());
  if (const Backend* backend = backend_of(logits)) {
    backend->cross_entropy(call, logits, totals, loss);
    return {loss, totals};
  }
  const std::int64_t n = logits.extent(-1), rows = call.labels.size();
  internal::PoolVector<double> losses(static_cast<std::size_t>(rows), 0.0);
  dispatch(logits.dtype(), [&]<class T>() {
    const T* const z = logits.data<T>();
    T* const kept = totals.mutable_data<T>();
    for_each_row(logits, rows, [&](std::int64_t row) {
      if (ignores(call, row)) return;
      const auto total = exp_total(z + row * n, n);
      kept[2 * row] = total.largest;
      kept[2 * row + 1] = static_cast<T>(total.total);
      losses[static_cast<std::size_t>(row)] =
          row_loss(z + row * n, n, call.labels[row], call.label_smoothing, total);
    });
    double sum = 0;
    for (double one : losses) sum += one;
    *loss.mutable_data<T>() = static_cast<T>(sum / static_cast<double>(call.counted));
  });
  return {loss, totals};
}

Tensor cross_entropy_vjp(const char* op, const CrossEntropyCall& call, const Tensor& dloss,
                         const Tensor& logits, const Tensor& totals) {
  Tensor dz = Tensor::uninitialized(op, logits.shape(), logits.kind());
  if (const Backend* backend = backend_of(logits)) {
    backend->cross_entropy_vjp(call, dloss, logits, totals, dz);
    return dz;
  }
  const std::int64_t n = logits.extent(-1);
  const double smoothing = call.label_smoothing;
  dispatch(logits.dtype(), [&]<class T>() {
    const T* const z = logits.data<T>();
    const T* const kept = totals.data<T>();
    T* const to = dz.mutable_data<T>();
    const double weight = static_cast<double>(*dloss.data<T>()) / static_cast<double>(call.counted);
    for_each_row(logits, call.labels.size(), [&](std::int64_t row) {
      T* const out = to + row * n;
      if (ignores(call, row)) return static_cast<void>(std::fill_n(out, n, T{0}));
      const auto factor = static_cast<T>(weight / static_cast<double>(kept[2 * row + 1]));
      const auto offset = static_cast<T>(weight * smoothing / static_cast<double>(n));
      exp_row(z + row * n, n, kept[2 * row], factor, offset, out);
      out[call.labels[row]] -= static_cast<T>(weight * (1 - smoothing));
    });
  });
  return dz;
}

}  // namespace taper::kernels
