// Metrics: one walk over the rows on the host.
#include "metrics.hpp"

#include "../core/create.hpp"
#include "../core/fail.hpp"
#include "../ops/softmax/cross_entropy.hpp"

#include <algorithm>
#include <cmath>

namespace taper::nn {
namespace {

constexpr std::int64_t ignored_label = CrossEntropyOptions().ignored_label;
constexpr std::int64_t nothing = -1;

// Calls visit(row, label, prediction) for each row that counts, and returns their number.
template <class Visit>
std::int64_t visit_rows(const char* op, const Tensor& logits, const Indices& labels, const Visit& visit) {
  const std::int64_t counted = internal::count_labels(op, logits, labels, ignored_label);
  const std::int64_t classes = logits.extent(-1);
  const Tensor host = logits.detach().to(Device::cpu());
  dispatch(host.dtype(), [&]<class T>() {
    const T* row = host.data<T>();
    for (std::int64_t i = 0; i < labels.size(); ++i, row += classes) {
      if (labels[i] == ignored_label) continue;
      const bool has_nan = std::any_of(row, row + classes, [](T logit) { return std::isnan(logit); });
      visit(i, labels[i], has_nan ? nothing : std::max_element(row, row + classes) - row);
    }
  });
  return counted;
}

}  // namespace

double accuracy(const Tensor& logits, const Indices& labels) {
  std::int64_t right = 0;
  const std::int64_t counted = visit_rows(
      "accuracy", logits, labels,
      [&](std::int64_t, std::int64_t label, std::int64_t prediction) { right += prediction == label; });
  return static_cast<double>(right) / static_cast<double>(counted);
}

Tensor confusion_matrix(const Tensor& logits, const Indices& labels) {
  constexpr const char* op = "confusion_matrix";
  check_given(op, "logits", logits);
  const std::int64_t classes = logits.rank() == 0 ? 0 : logits.extent(-1);
  Tensor counts = zeros({classes, classes}, float64);
  double* count = counts.mutable_data<double>();
  visit_rows(op, logits, labels, [&](std::int64_t row, std::int64_t label, std::int64_t prediction) {
    if (prediction == nothing) fail(op, "row ", row, " of the logits, ", logits.shape(), ", holds NaN");
    ++count[label * classes + prediction];
  });
  return counts;
}

}  // namespace taper::nn
