// Products of a few rows with a matrix as it stands. T is float or double.
#pragma once

#include <cstdint>

namespace taper::kernels {

// W (outputs, inputs), which each product reads once from beginning to end. A PackedMatrix is faster, but to write it out
// takes as long as several products of one row.
template <class T>
struct StandingMatrix {
  std::int64_t outputs, inputs;
  const T* w;
  bool transposes;

  // C = A W^T, or C += A W if it `transposes`, for contiguous A and C with so many rows. On several threads, unless the
  // caller is one of those of a loop.
  void multiply(std::int64_t rows, const T* a, T* c) const;
};

}  // namespace taper::kernels
