// Running sums: the CPU's loops.
#include "cumsum.hpp"

#include "../../../core/threads.hpp"

#include <algorithm>

namespace taper::kernels {
namespace {

constexpr std::int64_t widest = 256;  // columns whose totals run side by side

// `columns` neighbouring columns of `length` elements each, which are `step` apart.
template <class T>
void run_columns(const T* x, T* __restrict y, std::int64_t length, std::int64_t step, std::int64_t columns) {
  double totals[widest] = {};
  for (std::int64_t i = 0; i < length; ++i, x += step, y += step) {
    for (std::int64_t c = 0; c < columns; ++c) {
      totals[c] += static_cast<double>(x[c]);
      y[c] = static_cast<T>(totals[c]);
    }
  }
}

template <class T>
void run_row(const T* x, T* y, std::int64_t length, std::int64_t step) {
  double total = 0;
  for (std::int64_t i = 0; i < length; ++i) {
    total += static_cast<double>(x[i * step]);
    y[i * step] = static_cast<T>(total);
  }
}

}  // namespace

Tensor cumsum(const char* op, const AxisView& view, bool is_reversed, const Tensor& x) {
  Tensor y = Tensor::uninitialized(op, x.shape(), x.kind());
  if (x.size() == 0) return y;
  if (const Backend* backend = backend_of(x)) {
    backend->cumsum(view, is_reversed, x, y);
    return y;
  }
  const std::int64_t inner = view.inner, groups = (inner + widest - 1) / widest;
  const std::int64_t step = is_reversed ? -inner : inner;
  const std::int64_t first = is_reversed ? (view.length - 1) * inner : 0;
  const std::int64_t of_group = view.length * std::min(inner, widest);
  dispatch(x.dtype(), [&]<class T>() {
    const T* const from = x.data<T>() + first;
    T* const to = y.mutable_data<T>() + first;
    parallel_ranges(view.outer * groups, 1 + part_size / of_group, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t g = begin; g < end; ++g) {
        const std::int64_t column = g % groups * widest, at = g / groups * view.length * inner + column;
        if (inner == 1) {
          run_row(from + at, to + at, view.length, step);
        } else {
          run_columns(from + at, to + at, view.length, step, std::min(widest, inner - column));
        }
      }
    });
  });
  return y;
}

}  // namespace taper::kernels
