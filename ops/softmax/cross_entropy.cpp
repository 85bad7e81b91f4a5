// cross_entropy: dz = dL (softmax(z) - t) / N with targets t.
#include "cross_entropy.hpp"

#include "../../core/create.hpp"
#include "../../core/fail.hpp"
#include "../../core/record.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/sub.hpp"
#include "../elementwise/where.hpp"
#include "../kernels/softmax/cross_entropy.hpp"
#include "../reduction/sum.hpp"
#include "softmax.hpp"

namespace taper {
namespace {

// (p - t) / N is linear in dL; with respect to z it has softmax's Jacobian over N, in the rows that count.
Tensor cross_entropy_vjp(const Tensor& dloss, const Tensor& logits, const kernels::CrossEntropyCall& target,
                         const Tensor& totals) {
  return record("cross_entropy_vjp",
                kernels::cross_entropy_vjp("cross_entropy", target, dloss, logits, totals),
                vjp(dloss,
                    [=](const Tensor& ddz) {
                      return sum(ddz * cross_entropy_vjp(scalar_like(1, ddz), logits, target, totals));
                    }),
                vjp(logits, [=](const Tensor& ddz) {
                  Shape shape = logits.shape();
                  shape[shape.size() - 1] = 1;
                  Tensor counts = zeros(shape);
                  for (std::int64_t row = 0; row < counts.size(); ++row) {
                    counts.mutable_data<float>()[row] = target.labels[row] == target.ignored_label ? 0 : 1;
                  }
                  counts = counts.to(logits.device());
                  const Tensor p = softmax(where(counts, logits, scalar_like(0, logits)));
                  const Tensor v = where(counts, ddz, scalar_like(0, ddz));
                  const double share = 1 / static_cast<double>(target.counted);
                  return dloss * share * p * (v - sum(p * v, -1, true));
                }));
}

}  // namespace

std::int64_t internal::count_labels(const char* op, const Tensor& logits, const Indices& labels,
                                    std::int64_t ignored) {
  check_given(op, "logits", logits);
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
  const kernels::CrossEntropyCall target{
      labels, options.ignored_label, options.label_smoothing,
      internal::count_labels("cross_entropy", logits, labels, options.ignored_label)};
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1)) {
    fail("cross_entropy", "label_smoothing must be from 0 to 1, got ", options.label_smoothing);
  }
  const auto [loss, totals] = kernels::cross_entropy("cross_entropy", target, logits);
  return record("cross_entropy", loss, vjp(logits, [=, totals = totals](const Tensor& dloss) {
                  return cross_entropy_vjp(dloss, logits, target, totals);
                }));
}

}  // namespace taper
