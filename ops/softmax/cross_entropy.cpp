// cross_entropy: dz = dL (softmax(z) - t) / N with targets t.
#include "cross_entropy.hpp"

#include "../../core/create.hpp"
#include "../../core/fail.hpp"
#include "../../core/memory/pool.hpp"
#include "../../core/record.hpp"
#include "../../core/threads.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/sub.hpp"
#include "../elementwise/where.hpp"
#include "../kernels/backend.hpp"
#include "../kernels/softmax/exp_row.hpp"
#include "../reduction/sum.hpp"
#include "softmax.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper {
namespace {

// What the kernels need of the labels.
struct Target {
  Indices labels;
  CrossEntropyOptions options;
  std::int64_t counted;  // rows that count

  kernels::CrossEntropyCall call() const {
    return {labels, options.ignored_label, options.label_smoothing, counted};
  }
  bool ignores(std::int64_t row) const { return labels[row] == options.ignored_label; }
};

// 0 v is 0 here, even for an infinite v.
double weighted(double weight, double v) { return weight == 0 ? 0 : weight * v; }

// Calls body(row), on several threads where there is enough to do.
template <class Body>
void for_each_row(const Tensor& logits, std::int64_t rows, const Body& body) {
  const std::int64_t rows_of_task = 1 + 8192 / std::max<std::int64_t>(1, logits.extent(-1));
  parallel_for((rows + rows_of_task - 1) / rows_of_task, [&](std::int64_t task) {
    const std::int64_t begin = task * rows_of_task, end = std::min(begin + rows_of_task, rows);
    for (std::int64_t row = begin; row < end; ++row) body(row);
  });
}

// What is kept of row r, at 2 r: the largest logit, and the sum of e^(z - largest).
using Totals = Tensor;

// -sum_j t_j log p_j = log total - (1 - e) (z_y - largest) - e (mean(z) - largest).
template <class T>
double row_loss(const T* z, std::int64_t n, std::int64_t label, double smoothing,
                const kernels::ExpTotal<T>& row) {
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

Tensor mean_loss(const Tensor& logits, const Target& target, Totals& totals) {
  Tensor loss = Tensor::uninitialized("cross_entropy", {}, logits.kind());
  if (const kernels::Backend* backend = kernels::backend_of(logits)) {
    backend->cross_entropy(target.call(), logits, totals, loss);
    return loss;
  }
  const std::int64_t n = logits.extent(-1), rows = target.labels.size();
  detail::PoolVector<double> losses(static_cast<std::size_t>(rows), 0.0);
  dispatch(logits.dtype(), [&]<class T>() {
    const T* const z = logits.data<T>();
    T* const kept = totals.mutable_data<T>();
    for_each_row(logits, rows, [&](std::int64_t row) {
      if (target.ignores(row)) return;
      const auto total = kernels::exp_total(z + row * n, n);
      kept[2 * row] = total.largest;
      kept[2 * row + 1] = static_cast<T>(total.total);
      losses[static_cast<std::size_t>(row)] =
          row_loss(z + row * n, n, target.labels[row], target.options.label_smoothing, total);
    });
    double sum = 0;
    for (double one : losses) sum += one;
    *loss.mutable_data<T>() = static_cast<T>(sum / static_cast<double>(target.counted));
  });
  return loss;
}

// dL (p - t) / N: one pass over the logits.
Tensor gradient_kernel(const Tensor& dloss, const Tensor& logits, const Target& target,
                       const Totals& totals) {
  Tensor dz = Tensor::uninitialized("cross_entropy", logits.shape(), logits.kind());
  if (const kernels::Backend* backend = kernels::backend_of(logits)) {
    backend->cross_entropy_dz(target.call(), dloss, logits, totals, dz);
    return dz;
  }
  const std::int64_t n = logits.extent(-1);
  const double smoothing = target.options.label_smoothing;
  dispatch(logits.dtype(), [&]<class T>() {
    const T* const z = logits.data<T>();
    const T* const kept = totals.data<T>();
    T* const to = dz.mutable_data<T>();
    const double weight = static_cast<double>(*dloss.data<T>()) / static_cast<double>(target.counted);
    for_each_row(logits, target.labels.size(), [&](std::int64_t row) {
      T* const out = to + row * n;
      if (target.ignores(row)) return static_cast<void>(std::fill_n(out, n, T{0}));
      const auto factor = static_cast<T>(weight / static_cast<double>(kept[2 * row + 1]));
      const auto offset = static_cast<T>(weight * smoothing / static_cast<double>(n));
      kernels::exp_row(z + row * n, n, kept[2 * row], factor, offset, out);
      out[target.labels[row]] -= static_cast<T>(weight * (1 - smoothing));
    });
  });
  return dz;
}

// (p - t) / N is linear in dL; with respect to z it has softmax's Jacobian over N, in the rows that count.
Tensor cross_entropy_dz(const Tensor& dloss, const Tensor& logits, const Target& target,
                        const Totals& totals) {
  return record("cross_entropy_dz", gradient_kernel(dloss, logits, target, totals),
                vjp(dloss,
                    [=](const Tensor& ddz) {
                      return sum(ddz * cross_entropy_dz(scalar_like(1, ddz), logits, target, totals));
                    }),
                vjp(logits, [=](const Tensor& ddz) {
                  Shape shape = logits.shape();
                  shape[shape.size() - 1] = 1;
                  Tensor counts = zeros(shape);
                  for (std::int64_t row = 0; row < counts.size(); ++row) {
                    counts.mutable_data<float>()[row] = target.ignores(row) ? 0 : 1;
                  }
                  counts = counts.to(logits.device());
                  const Tensor p = softmax(where(counts, logits, scalar_like(0, logits)));
                  const Tensor v = where(counts, ddz, scalar_like(0, ddz));
                  const double share = 1 / static_cast<double>(target.counted);
                  return dloss * share * p * (v - sum(p * v, -1, true));
                }));
}

}  // namespace

std::int64_t detail::count_labels(const char* op, const Tensor& logits, const Indices& labels,
                                  std::int64_t ignored) {
  detail::check_given(op, "logits", logits);
  const int leading = logits.rank() - 1;
  if (leading < 0 || !(Shape(logits.shape().data(), leading) == labels.shape())) {
    fail(op, "labels must have the shape of logits without its last axis: logits are ", logits.shape(),
         ", labels ", labels.shape());
  }
  const std::int64_t classes = logits.extent(-1);
  std::int64_t count = 0;
  for (std::int64_t row = 0; row < labels.size(); ++row) {
    if (labels[row] == ignored) continue;
    if (labels[row] < 0 || labels[row] >= classes) {
      fail(op, "labels has ", labels[row], " where logits of shape ", logits.shape(), " have ", classes,
           " classes");
    }
    ++count;
  }
  if (count == 0) {
    fail(op, labels.size() == 0 ? "labels is empty" : "every label is ignored", ": logits are ",
         logits.shape());
  }
  return count;
}

Tensor cross_entropy(const Tensor& logits, const Indices& labels, const CrossEntropyOptions& options) {
  const Target target{labels, options,
                      detail::count_labels("cross_entropy", logits, labels, options.ignored_label)};
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1)) {
    fail("cross_entropy", "label_smoothing must be from 0 to 1, got ", options.label_smoothing);
  }
  Totals totals = Tensor::uninitialized("cross_entropy", {labels.size(), 2}, logits.kind());
  const Tensor loss = mean_loss(logits, target, totals);
  return record("cross_entropy", loss, vjp(logits, [=](const Tensor& dloss) {
                  return cross_entropy_dz(dloss, logits, target, totals);
                }));
}

}  // namespace taper
