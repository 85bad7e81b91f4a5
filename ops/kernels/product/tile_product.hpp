// The matrix product within other kernels, of operands that lie in the cache: what convolution and recurrent layers
// multiply by, on the calling thread. T is float or double.
#pragma once

#include "../../../core/memory/array.hpp"

#include <cstdint>

namespace taper::kernels {

// C = A B, or C += A B if it adds, for A (rows, depth), B (depth, columns). Element (i, p) of A is a[i * a_row + p *
// a_step], (i, j) of C is c[i * c_row + j], and (p, j) of B is b[j / w * b_panel + p * b_row + j % w], where w is
// tile_columns<T>(): B's columns stand in panels of w. B is read in whole vectors, up to a multiple of them.
template <class T>
struct TileProduct {
  std::int64_t rows, columns, depth;
  const T* a;
  std::int64_t a_row, a_step;
  const T* b;
  std::int64_t b_row, b_panel;
  T* c;
  std::int64_t c_row;
  bool adds;
};

// How many vectors side by side are a tile's, and how many elements that is with the machine's instruction set.
inline constexpr std::int64_t tile_vectors = 3;
template <class T>
std::int64_t tile_columns();

// The terms of an element are added up in their order.
template <class T>
void multiply(const TileProduct<T>& product);

// B, written out once for many products: in panels one behind the other, each in the order in which a product reads
// it.
template <class T>
class PackedMatrix {
 public:
  // Element (p, j) of B (depth, columns) is b[p * row + j * step].
  PackedMatrix(const char* op, std::int64_t depth, std::int64_t columns, const T* b, std::int64_t row,
               std::int64_t step, bool adds);

  // C = A B, or C += A B if it adds, for contiguous A (rows, depth) and C.
  void multiply(std::int64_t rows, const T* a, T* c) const;

 private:
  std::int64_t depth_, columns_;
  bool adds_;
  internal::Array<T> panels_;
};

}  // namespace taper::kernels
