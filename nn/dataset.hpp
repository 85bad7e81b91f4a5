// Dataset: examples with their answers, as training wants them: batches, a test part, standardised, padded.
#pragma once

#include "../core/indices.hpp"
#include "../core/tensor.hpp"
#include "module.hpp"

#include <concepts>
#include <cstdint>
#include <utility>
#include <vector>

namespace taper::nn {

// Examples x (count, …) with their answers y (count, …), one of each along the first axis. X and Y are Tensor
// or Indices:
//
//   const nn::Dataset data(pictures, digits);
//   const auto [training, test] = data.split(0.2, /*seed=*/0);
//   nn::Batches batches(training.size(), 64, /*seed=*/0);
//   for (int step = 0; step < 1000; ++step) {
//     const auto [x, y] = training.select(batches(step));
template <class X, class Y>
struct Dataset {
  // Throws unless both have a first axis, of the same extent.
  Dataset(X x, Y y);

  // The number of examples.
  std::int64_t size() const { return x.shape()[0]; }

  // The examples in these rows, in this order: a copy, without history. Throws if a row is not from 0 to
  // size() - 1.
  Dataset select(const std::vector<std::int64_t>& rows) const;

  // All examples, shuffled, in two parts: what is left for training, and `test` of them, a share between 0
  // and 1, rounded to a whole number. Which are in which part is a function of (size, test, seed). Throws if
  // a part would be empty.
  std::pair<Dataset, Dataset> split(double test, std::uint64_t seed) const;

  X x;
  Y y;
};

template <class X, std::integral T>
Dataset(X, std::vector<T>) -> Dataset<X, Indices>;

// y = (x - mean) / deviation for each column, where a column is a place on all axes but the first. Mean and
// deviation (that of the population, divided by the count) are those of the x that it is made of: fitted on
// the training part, it is then used on the test part too. A column whose elements are all equal has
// deviation 1, so that it becomes 0. Mean and deviation are buffers: as a part of nn::Sequential, it is saved
// with the model.
class Standardize : public Module {
 public:
  // x (count, …). Throws if count is 0, or if a column holds NaN, an infinity, or numbers whose squares
  // overflow.
  explicit Standardize(const Tensor& x);

  // Throws unless x (count, …) has the columns and the kind of the first one.
  Tensor operator()(const Tensor& x) const;
  // x = y deviation + mean: a prediction in the units of the data. Throws likewise.
  Tensor inverse(const Tensor& y) const;
  void list(Parts& parts) const override;

  Tensor mean, deviation;  // (…), of the dtype and on the device of x
};

// Sequences (length_i, …) side by side, (count, longest, …): behind the end of each stands `value`. Not
// recorded. Throws if there is none, or if they differ in dtype, device or an extent other than the first.
Tensor pad_sequences(const std::vector<Tensor>& sequences, double value = 0);
// The same for lists of tokens, (count, longest). Labels are best padded with -100, which cross_entropy
// ignores.
Indices pad_sequences(const std::vector<std::vector<std::int64_t>>& sequences, std::int64_t value = 0);

}  // namespace taper::nn
