// Moving elements between loop nests: where each of them comes from and goes to.
#pragma once

#include "../../../core/tensor.hpp"
#include "../../../ops/kernels/backend.hpp"
#include "../index.hpp"

namespace taper::cuda {

// y[offset_1] = x[offset_0] for each turn of the nest, whose operands are x and y. No two turns write to one
// place. Neighbouring threads take neighbouring turns.
void strided_copy(const char* op, const Nest<2>& nest, const Tensor& x, Tensor& y);

inline Nest<2> nest_of(const kernels::StridedCopy& call) {
  return {call.extents, {call.from.strides, call.to.strides}, {call.from.offset, call.to.offset}};
}

// The turns of the swap in y's order.
inline Nest<2> nest_of(const kernels::SwapExtents& e) {
  const std::int64_t x_row = e.middle * e.columns * e.inner, y_row = e.middle * e.rows * e.inner;
  return {{e.outer, e.columns, e.middle, e.rows, e.inner},
          {Shape{e.rows * x_row, e.inner, e.columns * e.inner, x_row, 1},
           Shape{e.columns * y_row, y_row, e.rows * e.inner, e.inner, 1}},
          {}};
}

// A swap of axes of single elements (inner == 1) in tiles of tile_size x tile_size elements, each within one
// of outer * middle matrices. The number of tiles:
inline constexpr int tile_size = 32;
inline std::int64_t tiles_of(const kernels::SwapExtents& e) {
  return e.outer * e.middle * divided_up(e.rows, tile_size) * divided_up(e.columns, tile_size);
}
// Where each of the tiles lies. There are at most max_piece_size of them.
struct SwapTiles {
  explicit SwapTiles(const kernels::SwapExtents& e)
      : rows(e.rows),
        columns(e.columns),
        of_matrix(divided_up(e.rows, tile_size) * divided_up(e.columns, tile_size)),
        of_row(divided_up(e.columns, tile_size)),
        middle(e.middle) {}

  struct Place {
    std::int64_t row, column;  // of the tile's first element in its matrix
    std::int64_t from, to;     // that element in x and in y
  };
  TAPER_HOST_DEVICE Place place(std::uint32_t tile) const {
    const std::uint32_t matrix = of_matrix.quotient(tile), in_matrix = of_matrix.remainder(tile, matrix);
    const std::uint32_t tile_row = of_row.quotient(in_matrix), outer = middle.quotient(matrix);
    const std::int64_t m = middle.remainder(matrix, outer);
    const std::int64_t row = std::int64_t{tile_row} * tile_size;
    const std::int64_t column = std::int64_t{of_row.remainder(in_matrix, tile_row)} * tile_size;
    return {row, column, (outer * rows + row) * x_row() + m * columns + column,
            (outer * columns + column) * y_row() + m * rows + row};
  }
  // From an element to the one below it, in x and in y.
  TAPER_HOST_DEVICE std::int64_t x_row() const { return middle.divisor() * columns; }
  TAPER_HOST_DEVICE std::int64_t y_row() const { return middle.divisor() * rows; }

  std::int64_t rows, columns;
  Divisor of_matrix, of_row, middle;  // tiles of each matrix, and of each row of tiles
};

}  // namespace taper::cuda
