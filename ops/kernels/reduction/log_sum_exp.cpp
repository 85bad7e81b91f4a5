// log_sum_exp: the CPU's loop.
#include "log_sum_exp.hpp"

#include "../../../core/create.hpp"
#include "../../../core/memory/pool.hpp"
#include "../../../core/threads.hpp"
#include "../layout/swap_axes.hpp"
#include "../softmax/exp_row.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper::kernels {
namespace {

// The result for n elements, `stride` apart, whose largest and total are known.
template <class T>
T result_of(const T* x, std::int64_t n, std::int64_t stride, T largest, double total) {
  if (total == total) return static_cast<T>(static_cast<double>(largest) + std::log(total));
  // NaN if there is one, else an infinity: the largest element.
  T result = -std::numeric_limits<T>::infinity();
  for (std::int64_t i = 0; i < n && result == result; ++i) {
    if (!(x[i * stride] <= result)) result = x[i * stride];
  }
  return result;
}

// The totals of a row's pieces as one. A piece that has none leaves the row without.
template <class T>
ExpTotal<T> combined(const ExpTotal<T>* pieces, std::int64_t count) {
  ExpTotal<T> all{pieces[0].largest, 0};
  for (std::int64_t p = 1; p < count; ++p) all.largest = std::max(all.largest, pieces[p].largest);
  for (std::int64_t p = 0; p < count; ++p) {
    const double shift = static_cast<double>(pieces[p].largest) - static_cast<double>(all.largest);
    all.total += pieces[p].total * std::exp(shift);
  }
  return all;
}

template <class T>
void of_rows(const T* x, std::int64_t rows, std::int64_t n, T* y) {
  const auto finish = [=](std::int64_t r, const ExpTotal<T>& of_row) {
    y[r] = result_of(x + r * n, n, 1, of_row.largest, of_row.total);
  };
  if (n <= 2 * part_size) {
    return parallel_ranges(rows, 1 + part_size / 4 / n, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) finish(r, exp_total(x + r * n, n));
    });
  }
  const std::int64_t count = (n + part_size - 1) / part_size;
  internal::PoolVector<ExpTotal<T>> pieces(static_cast<std::size_t>(rows * count));
  parallel_for(rows * count, [&](std::int64_t piece) {
    const std::int64_t begin = piece % count * part_size;
    pieces[static_cast<std::size_t>(piece)] =
        exp_total(x + piece / count * n + begin, std::min(part_size, n - begin));
  });
  for (std::int64_t r = 0; r < rows; ++r) {
    const ExpTotal<T> all = combined(pieces.data() + r * count, count);
    finish(r, all.total == all.total ? all : exp_total(x + r * n, n));
  }
}

// In blocks of columns.
template <class T>
void of_columns(const T* x, std::int64_t outer, std::int64_t n, std::int64_t columns, T* y) {
  constexpr std::int64_t width = exp_totals_columns<T>;
  const std::int64_t blocks = (columns + width - 1) / width;
  const std::int64_t part = 1 + part_size / 4 / (n * std::min(columns, width));
  parallel_ranges(outer * blocks, part, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t o = task / blocks, c = task % blocks * width;
      const std::int64_t count = std::min(width, columns - c);
      const T* const from = x + o * n * columns + c;
      T largest[width];
      double totals[width];
      exp_totals(from, n, columns, count, largest, totals);
      for (std::int64_t i = 0; i < count; ++i)
        y[o * columns + c + i] = result_of(from + i, n, columns, largest[i], totals[i]);
    }
  });
}

}  // namespace

Tensor log_sum_exp(const char* op, const Tensor& x) {
  const std::int64_t outer = x.extent(0), n = x.extent(1), inner = x.extent(2);
  const Shape shape{outer, inner};
  if (n == 0) return full(shape, -std::numeric_limits<double>::infinity(), x.kind());
  Tensor y = Tensor::uninitialized(op, shape, x.kind());
  if (const Backend* backend = backend_of(x)) {
    Tensor flat = y.view({y.size()});
    const Tensor rows =
        inner == 1 ? x : swap_axes(op, {.outer = outer, .rows = n, .columns = inner}, x, {outer, inner, n});
    backend->log_sum_exp(rows.view({y.size(), n}), flat);
    return y;
  }
  dispatch(x.dtype(), [&]<class T>() {
    if (inner == 1) return of_rows(x.data<T>(), outer, n, y.mutable_data<T>());
    of_columns(x.data<T>(), outer, n, inner, y.mutable_data<T>());
  });
  return y;
}

}  // namespace taper::kernels
