// Dataset: rows picked from both parts alike; standardisation by two passes in float64; padding.
#include "dataset.hpp"

#include "../core/create.hpp"
#include "../core/fail.hpp"
#include "../ops/elementwise/add.hpp"
#include "../ops/elementwise/div.hpp"
#include "../ops/elementwise/mul.hpp"
#include "../ops/elementwise/sub.hpp"
#include "../ops/layout/gather.hpp"
#include "batches.hpp"

#include <algorithm>
#include <cmath>

namespace taper::nn {
namespace {

// The shape without its first axis.
Shape columns_of(const Shape& shape) { return {shape.data() + 1, shape.size() - 1}; }

Tensor rows_of(const Tensor& x, const std::vector<std::int64_t>& rows) { return gather(x.detach(), rows); }

Indices rows_of(const Indices& x, const std::vector<std::int64_t>& rows) {
  Shape shape = x.shape();
  const std::int64_t width = element_count("Dataset", columns_of(shape));
  shape[0] = static_cast<std::int64_t>(rows.size());
  std::vector<std::int64_t> values;
  values.reserve(rows.size() * static_cast<std::size_t>(width));
  for (const std::int64_t row : rows) {
    for (std::int64_t i = 0; i < width; ++i) values.push_back(x[row * width + i]);
  }
  return {std::move(values), shape};
}

void check_columns(const char* argument, const Tensor& x, const Tensor& mean) {
  check_given("Standardize", argument, x);
  if (x.rank() > 0 && columns_of(x.shape()) == mean.shape() && x.kind() == mean.kind()) return;
  fail("Standardize", argument, " is ", x.kind(), " ", x.shape(), ", but it was made of ", mean.kind(),
       " rows of shape ", mean.shape());
}

}  // namespace

template <class X, class Y>
Dataset<X, Y>::Dataset(X x_given, Y y_given) : x(std::move(x_given)), y(std::move(y_given)) {
  if (x.shape().empty() || y.shape().empty() || x.shape()[0] != y.shape()[0]) {
    fail("Dataset", "x and y must have one row for each example, got ", x.shape(), " and ", y.shape());
  }
}

template <class X, class Y>
Dataset<X, Y> Dataset<X, Y>::select(const std::vector<std::int64_t>& rows) const {
  for (const std::int64_t row : rows) {
    if (row < 0 || row >= size()) fail("Dataset", "row ", row, " was asked for, of ", size());
  }
  return {rows_of(x, rows), rows_of(y, rows)};
}

template <class X, class Y>
std::pair<Dataset<X, Y>, Dataset<X, Y>> Dataset<X, Y>::split(double test, std::uint64_t seed) const {
  const double count = std::round(test * static_cast<double>(size()));
  if (!(count >= 1 && count <= static_cast<double>(size() - 1))) {
    fail("Dataset", "a test part of ", test, " leaves a part of ", size(), " examples empty");
  }
  const std::vector<std::int64_t> order = Batches(size(), size(), seed)(0);
  const auto begin = order.end() - static_cast<std::ptrdiff_t>(count);
  return {select({order.begin(), begin}), select({begin, order.end()})};
}

template struct Dataset<Tensor, Tensor>;
template struct Dataset<Tensor, Indices>;
template struct Dataset<Indices, Tensor>;
template struct Dataset<Indices, Indices>;

Standardize::Standardize(const Tensor& x) {
  check_given("Standardize", "x", x);
  if (x.rank() == 0 || x.extent(0) == 0) fail("Standardize", "x must have at least one row, got ", x.shape());
  const Shape columns = columns_of(x.shape());
  const auto width = static_cast<std::size_t>(element_count("Standardize", columns));
  const auto count = static_cast<double>(x.extent(0));
  std::vector<double> means(width), deviations(width);
  std::vector<bool> constant(width, true);
  const Tensor host = x.detach().to(Device::cpu());
  dispatch(x.dtype(), [&]<class T>() {
    const T *first = host.data<T>(), *end = first + host.size();
    for (const T* row = first; row != end; row += width) {
      for (std::size_t i = 0; i < width; ++i) {
        means[i] += row[i];
        if (row[i] != first[i]) constant[i] = false;
      }
    }
    // The mean of equal numbers may differ from them by a rounding.
    for (std::size_t i = 0; i < width; ++i) means[i] = constant[i] ? first[i] : means[i] / count;
    for (const T* row = first; row != end; row += width) {
      for (std::size_t i = 0; i < width; ++i) deviations[i] += (row[i] - means[i]) * (row[i] - means[i]);
    }
    for (std::size_t i = 0; i < width; ++i) {
      deviations[i] = std::sqrt(deviations[i] / count);
      if (!std::isfinite(deviations[i])) {
        fail("Standardize", "column ", i, " of x, ", x.shape(),
             ", holds NaN, an infinity or numbers that are too large");
      }
      // float32 may have no number as small.
      if (static_cast<T>(deviations[i]) == 0) deviations[i] = 1;
    }
  });
  mean = tensor(means, columns, x.kind());
  deviation = tensor(deviations, columns, x.kind());
}

Tensor Standardize::operator()(const Tensor& x) const {
  check_columns("x", x, mean);
  return (x - mean) / deviation;
}

Tensor Standardize::inverse(const Tensor& y) const {
  check_columns("y", y, mean);
  return y * deviation + mean;
}

void Standardize::list(Parts& parts) const {
  parts.add_buffer("mean", mean);
  parts.add_buffer("deviation", deviation);
}

Tensor pad_sequences(const std::vector<Tensor>& sequences, double value) {
  constexpr const char* op = "pad_sequences";
  check_given(op, "sequences", sequences);
  if (sequences.empty()) fail(op, "there is no sequence");
  const Tensor& first = sequences.front();
  std::int64_t longest = 0;
  for (const Tensor& x : sequences) {
    if (x.rank() == 0 || first.rank() == 0 || !(columns_of(x.shape()) == columns_of(first.shape())) ||
        x.kind() != first.kind()) {
      fail(op, "sequences must differ in their first extent alone, got ", first.kind(), " ", first.shape(),
           " and ", x.kind(), " ", x.shape());
    }
    longest = std::max(longest, x.extent(0));
  }
  Shape shape = Shape::filled(first.rank() + 1, static_cast<std::int64_t>(sequences.size()));
  shape[1] = longest;
  std::copy(first.shape().begin() + 1, first.shape().end(), shape.begin() + 2);
  Tensor result = full(shape, value, first.dtype());
  dispatch(first.dtype(), [&]<class T>() {
    T* out = result.mutable_data<T>();
    for (const Tensor& x : sequences) {
      const Tensor host = x.detach().to(Device::cpu());
      std::copy_n(host.data<T>(), host.size(), out);
      out += result.size() / shape[0];
    }
  });
  return result.to(first.device());
}

Indices pad_sequences(const std::vector<std::vector<std::int64_t>>& sequences, std::int64_t value) {
  if (sequences.empty()) fail("pad_sequences", "there is no sequence");
  std::size_t longest = 0;
  for (const auto& tokens : sequences) longest = std::max(longest, tokens.size());
  std::vector<std::int64_t> values(sequences.size() * longest, value);
  auto out = values.begin();
  for (const auto& tokens : sequences) {
    std::copy(tokens.begin(), tokens.end(), out);
    out += static_cast<std::ptrdiff_t>(longest);
  }
  return {std::move(values),
          {static_cast<std::int64_t>(sequences.size()), static_cast<std::int64_t>(longest)}};
}

}  // namespace taper::nn
