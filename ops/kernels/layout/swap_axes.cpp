// Swapping two axes: the CPU's loop, compiled for each instruction set.
// foreach_target.h includes this file again, and the order matters:
// clang-format off
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/layout/swap_axes.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "swap_axes.hpp"

#include "../../../core/threads.hpp"
#include "copy_run.hpp"

#include <algorithm>
#include <array>

#include <hwy/cache_control.h>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A whole tile of single elements, turned in a buffer: each line of memory is read and written once, in one piece
// (lines that are a power of 2 apart push each other out of the cache). With `streams` y's lines go past the cache,
// so that they need not be read first.
template <class T>
void turn_tile(const T* x, std::int64_t x_row, T* y, std::int64_t y_row, bool streams) {
  constexpr int tile = swap_tile;
  HWY_ALIGN T turned[tile][tile];
  for (int i = 0; i < tile; ++i) {
    for (int j = 0; j < tile; ++j) turned[j][i] = x[i * x_row + j];
  }
  const hn::CappedTag<T, tile> d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  for (int j = 0; j < tile; ++j) {
    for (int i = 0; i < tile; i += lanes) {
      const auto v = hn::Load(d, turned[j] + i);
      if (streams) {
        hn::Stream(v, d, y + j * y_row + i);
      } else {
        hn::StoreU(v, d, y + j * y_row + i);
      }
    }
  }
}

TAPER_NAME_BOTH(turn_tile);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(turn_tile);

// Tiles of 16 x 16 runs keep both the lines that are read and those that are written in the cache. Threads
// share bands of tiles: of 16 rows or of 16 columns each, whichever gives more bands. (Past the cache it is rows, if
// there are enough: they are read as they lie.)
template <class T>
void swap_runs(const SwapExtents& e, const T* x, T* y) {
  constexpr std::int64_t tile = swap_tile;
  const std::int64_t x_row = e.middle * e.columns * e.inner, y_row = e.middle * e.rows * e.inner;
  // Lines of the cache begin at multiples of a tile. What fits into the cache had better stay there.
  const bool streams = e.rows % tile == 0 && e.outer * x_row * e.rows >= 1 << 20;
  const bool by_rows = e.rows >= e.columns || (streams && e.outer * e.middle * e.rows >= 64 * tile);
  const std::int64_t length = by_rows ? e.rows : e.columns, across = by_rows ? e.columns : e.rows;
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
          turn_tile<T>(from + i0 * x_row + j0, x_row, to + j0 * y_row + i0, y_row, streams);
          continue;
        }
        for (std::int64_t j = j0; j < j1; ++j) {
          for (std::int64_t i = i0; i < i1; ++i) {
            copy_run(from + i * x_row + j * e.inner, e.inner, to + j * y_row + i * e.inner);
          }
        }
      }
    }
    if (streams) hwy::FlushStream();  // before another thread reads
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
#endif
