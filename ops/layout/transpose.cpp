// transpose: dx = dy with the same two axes swapped.
#include "transpose.hpp"

#include "../../core/record.hpp"
#include "../../core/threads.hpp"
#include "../kernels/backend.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace taper {
namespace {

// std::copy_n of a few elements is a call whose size the compiler does not know; a vector or two are moves.
template <class T>
void copy_run(const T* from, std::int64_t count, T* to) {
  constexpr std::int64_t step = 8;
  std::int64_t i = 0;
  for (; i + step <= count; i += step) std::memcpy(to + i, from + i, step * sizeof(T));
  for (; i < count; ++i) to[i] = from[i];
}

// Tiles of 16 x 16 runs keep both the lines that are read and those that are written in the cache. Bands of
// them are shared out: 16 of the rows or of the columns, whichever are more.
template <class T>
void swap_axes(const kernels::SwapExtents& e, const T* x, T* y) {
  constexpr std::int64_t tile = 16;
  const bool by_rows = e.rows >= e.columns;
  const std::int64_t length = std::max(e.rows, e.columns), across = std::min(e.rows, e.columns);
  const std::int64_t x_row = e.middle * e.columns * e.inner, y_row = e.middle * e.rows * e.inner;
  const std::int64_t bands = (length + tile - 1) / tile, elements_of_band = tile * across * e.inner;
  const std::int64_t part =
      std::max<std::int64_t>(1, elements_of_part / std::max<std::int64_t>(1, elements_of_band));
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

Tensor transpose(const Tensor& x, int axis0, int axis1) {
  detail::check_given("transpose", "x", x);
  int a = checked_axis("transpose", "axis0", axis0, x.shape());
  int b = checked_axis("transpose", "axis1", axis1, x.shape());
  if (a > b) std::swap(a, b);
  Shape shape = x.shape();
  std::swap(shape[a], shape[b]);
  Tensor y = Tensor::uninitialized("transpose", shape, x.kind());

  kernels::SwapExtents e{.rows = a == b ? 1 : x.shape()[a], .columns = x.shape()[b]};
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (axis != a && axis != b) (axis < a ? e.outer : axis < b ? e.middle : e.inner) *= x.shape()[axis];
  }
  if (const kernels::Backend* backend = kernels::backend_of(x)) {
    backend->swap_axes(e, x, y);
  } else {
    dispatch(x.dtype(), [&]<class T>() { swap_axes(e, x.data<T>(), y.mutable_data<T>()); });
  }
  return record("transpose", y, vjp(x, [a, b](const Tensor& dy) { return transpose(dy, a, b); }));
}

}  // namespace taper
