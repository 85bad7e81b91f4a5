// How the elements of a tensor are distributed, as counts in bins.
#pragma once

#include "../../core/tensor.hpp"

#include <cstdint>
#include <vector>

namespace taper::training {

struct Histogram {
  // Of the finite elements: the smallest, the largest, the mean, and the deviation sqrt(mean((x - mean)²)).
  // NaN if there are none.
  double low, high, mean, deviation;
  std::int64_t not_finite = 0;  // how many elements are infinite or NaN
  // How many of the n bins of equal width from low to high: bin i holds low + i w <= x < low + (i + 1) w with
  // w = (high - low) / n, and the last one also x = high. If low = high, the first bin holds all.
  std::vector<std::int64_t> counts;
};

// The histogram of a tensor on any device. Throws if bins < 1 or the tensor is an empty handle.
Histogram histogram(const Tensor& x, std::int64_t bins);

}  // namespace taper::training
