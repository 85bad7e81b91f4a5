// Products with a sparse matrix W in compressed rows, of which only the stored elements are multiplied.
#pragma once

#include "../../../core/compressed_rows.hpp"
#include "../../../core/tensor.hpp"

#include <cstdint>

namespace taper::kernels {

// x W^T, (n, W's rows), for x (n, W's columns), or x W, (n, W's columns), for x (n, W's rows) if `transposes`. On
// a device W is written out in full first.
Tensor sparse_product(const char* op, const Tensor& x, const CompressedRows& places, const Tensor& values,
                      bool transposes);

// The elements of a^T b at the places, for a (n, W's rows) and b (n, W's columns).
Tensor sampled_product(const char* op, const Tensor& a, const Tensor& b, const CompressedRows& places);

// The same product for other kernels on the CPU, on the calling thread unless x is a single row and W not transposed:
// c (rows, …) = x W^T, or c += x W if `transposes`.
template <class T>
struct SparseFactor {
  CompressedRows places;
  const T* values;
  bool transposes;

  void multiply(std::int64_t rows, const T* x, T* c) const;
};

}  // namespace taper::kernels
