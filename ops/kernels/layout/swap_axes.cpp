// Swapping two axes: the CPU's loop.
#include "swap_axes.hpp"

#include "../../../core/threads.hpp"
#include "copy_run.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace taper::kernels {
namespace {

constexpr std::int64_t tile = 16;

// A whole tile of single elements is turned in a buffer. So each line of memory is read and written once, in one
// piece: lines that are a power of 2 apart push each other out of the cache.
template <class T>
void swap_tile(const T* x, std::int64_t x_row, T* y, std::int64_t y_row) {
  T turned[tile][tile];
  for (std::int64_t i = 0; i < tile; ++i) {
    for (std::int64_t j = 0; j < tile; ++j) turned[j][i] = x[i * x_row + j];
  }
  for (std::int64_t j = 0; j < tile; ++j) std::memcpy(y + j * y_row, turned[j], sizeof turned[j]);
}

// Tiles of 16 x 16 runs keep both the lines that are read and those that are written in the cache. Threads
// share bands of tiles: of 16 rows or of 16 columns each, whichever gives more bands.
template <class T>
void swap_runs(const SwapExtents& e, const T* x, T* y) {
  const bool by_rows = e.rows >= e.columns;
  const std::int64_t length = std::max(e.rows, e.columns), across = std::min(e.rows, e.columns);
  const std::int64_t x_row = e.middle * e.columns * e.inner, y_row = e.middle * e.rows * e.inner;
  const std::int64_t bands = (length + tile - 1) / tile, band_size = tile * across * e.inner;
  const std::int64_t part = std::max<std::int64_t>(1, part_size / std::max<std::int64_t>(1, band_size));
  parallel_ranges(e.outer * e.middle * bands, part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t o = task / (e.middle * bands), m = task / bands % e.middle;
      const std::int64_t along = task % bands * tile, along_end = std::min(along + tile, length);
      const T* from = x + o * e.rows * x_row + m * e.columns * e.inner;
      T* to = y + o * e.columns * y_row + m * e.rows * e.inner;
      for (std::int64_t k = 0; k < across; k += tile) {
        const std::int64_t k_end = std::min(k + tile, across);
        const auto [i0, i1, j0, j1] =
            by_rows ? std::array{along, along_end, k, k_end} : std::array{k, k_end, along, along_end};
        if (e.inner == 1 && i1 - i0 == tile && j1 - j0 == tile) {
          swap_tile(from + i0 * x_row + j0, x_row, to + j0 * y_row + i0, y_row);
          continue;
        }
        for (std::int64_t j = j0; j < j1; ++j) {
          for (std::int64_t i = i0; i < i1; ++i) {
            copy_run(from + i * x_row + j * e.inner, e.inner, to + j * y_row + i * e.inner);
          }
        }
      }
    }
  });
}

}  // namespace

Tensor swap_axes(const char* op, const SwapExtents& extents, const Tensor& x, const Shape& shape) {
  Tensor y = Tensor::uninitialized(op, shape, x.kind());
  if (const Backend* backend = backend_of(x)) {
    backend->swap_axes(extents, x, y);
  } else {
    dispatch(x.dtype(), [&]<class T>() { swap_runs(extents, x.data<T>(), y.mutable_data<T>()); });
  }
  return y;
}

}  // namespace taper::kernels
