// Pooling: the CPU's loops, compiled for each instruction set.
// clang-format off: foreach_target.h includes this file again, and the order matters
#include "../simd.hpp"
#define HWY_TARGET_INCLUDE "taper/ops/kernels/convolution/pool2d.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

#include "../../../core/memory/array.hpp"
#include "../../../core/threads.hpp"
#include "../backend.hpp"
#include "pool2d.hpp"
#include "pool_quads-inl.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace taper::kernels::HWY_NAMESPACE {

// The elements of a window that lie within the picture, on one axis: begin … end - 1.
struct Span {
  std::int64_t begin, end;
};
HWY_INLINE Span span_of(std::int64_t window, std::int64_t stride, std::int64_t padding, std::int64_t size,
                        std::int64_t extent) {
  const std::int64_t begin = window * stride - padding;
  return {std::max<std::int64_t>(begin, 0), std::min(begin + size, extent)};
}
HWY_INLINE Span rows_of(const Windows& w, std::int64_t row) {
  return span_of(row, w.stride.height, w.padding.height, w.size.height, w.picture.height);
}
HWY_INLINE Span columns_of(const Windows& w, std::int64_t column) {
  return span_of(column, w.stride.width, w.padding.width, w.size.width, w.picture.width);
}

// The larger of two numbers, NaN if one is.
struct Largest {
  template <class T>
  HWY_INLINE T operator()(T a, T b) const {
    return b > a || b != b ? b : a;
  }
};
struct Sum {
  template <class T>
  HWY_INLINE T operator()(T a, T b) const {
    return a + b;
  }
};

// y[i] = f(y[i], x[i * step]).
template <class T, class F, class Step>
HWY_INLINE void fold_strided(const T* HWY_RESTRICT x, Step step, std::int64_t count, T* HWY_RESTRICT y, F f) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = f(y[i], x[i * step]);
}

// y[i] = x[i * stride] folded with the size - 1 elements after it.
template <class T, class F>
HWY_INLINE void fold_windows(const T* x, const Windows& windows, std::int64_t count, T* y, F f) {
  const std::int64_t stride = windows.stride.width;
  for (std::int64_t i = 0; i < count; ++i) y[i] = x[i * stride];
  for (std::int64_t j = 1; j < windows.size.width; ++j) {
    if (stride == 1) {
      fold_strided(x + j, std::integral_constant<int, 1>(), count, y, f);
    } else if (stride == 2) {
      fold_strided(x + j, std::integral_constant<int, 2>(), count, y, f);
    } else {
      fold_strided(x + j, stride, count, y, f);
    }
  }
}

// Rows [first, last) of the windows of all planes: first the rows of the pictures that a row of windows
// covers are folded into one, which has its padding, and then the windows of that.
template <class T, class Wide, class F, class Write>
HWY_INLINE void fold_rows(const Pooling& call, std::int64_t first, std::int64_t last, const T* x,
                          Wide neutral, F f, Write write) {
  const Windows& w = call.windows;
  const std::int64_t width = w.picture.width, columns = w.count().width, rows = w.count().height;
  const internal::Array<Wide> memory("pool2d", Device::cpu(), w.padded().width + columns);
  Wide* const padded = memory.data();
  Wide* const HWY_RESTRICT folded = padded + w.padding.width;
  Wide* const result = padded + w.padded().width;
  std::fill_n(padded, w.padded().width, neutral);
  for (std::int64_t row = first; row < last; ++row) {
    const Span span = rows_of(w, row % rows);
    const T* HWY_RESTRICT from = x + (row / rows * w.picture.height + span.begin) * width;
    for (std::int64_t i = 0; i < width; ++i) folded[i] = static_cast<Wide>(from[i]);
    for (std::int64_t r = span.begin + 1; r < span.end; ++r) {
      from += width;
      for (std::int64_t i = 0; i < width; ++i) folded[i] = f(folded[i], static_cast<Wide>(from[i]));
    }
    fold_windows(padded, w, columns, result, f);
    write(row, result);
  }
}

template <class T>
void largest_rows(const Pooling& call, std::int64_t first, std::int64_t last, const T* x, T* y) {
  const std::int64_t columns = call.windows.count().width;
  fold_rows(call, first, last, x, -std::numeric_limits<T>::infinity(), Largest(),
            [=](std::int64_t row, const T* result) { std::copy_n(result, columns, y + row * columns); });
}

template <class T>
void average_rows(const Pooling& call, std::int64_t first, std::int64_t last, const T* x, T* y) {
  const std::int64_t columns = call.windows.count().width;
  const double size = static_cast<double>(call.windows.size.area());
  fold_rows(call, first, last, x, 0.0, Sum(), [=](std::int64_t row, const double* result) HWY_ATTR {
    T* const HWY_RESTRICT to = y + row * columns;
    for (std::int64_t i = 0; i < columns; ++i) to[i] = static_cast<T>(result[i] / size);
  });
}

// Calls visit(window, place) with the place in its picture of each window's largest element.
template <class T, class Visit>
HWY_INLINE void for_each_largest(const Windows& w, const T* x, Visit visit) {
  const Size2d count = w.count();
  const std::int64_t width = w.picture.width;
  for (std::int64_t p = 0; p < count.height; ++p) {
    const Span rows = rows_of(w, p);
    for (std::int64_t q = 0; q < count.width; ++q) {
      const Span columns = columns_of(w, q);
      std::int64_t place = rows.begin * width + columns.begin;
      T largest = x[place];
      for (std::int64_t r = rows.begin; r < rows.end; ++r) {
        for (std::int64_t i = r * width + columns.begin; i < r * width + columns.end; ++i) {
          const bool is_larger = x[i] > largest || x[i] != x[i];
          largest = is_larger ? x[i] : largest;
          place = is_larger ? i : place;
        }
      }
      visit(p * count.width + q, place);
    }
  }
}

template <class T>
void pick_planes(const Pooling& call, std::int64_t first, std::int64_t last, const T* x, const T* z, T* y) {
  const Windows& w = call.windows;
  for (std::int64_t plane = first; plane < last; ++plane) {
    const T* const from = z + plane * w.picture.area();
    T* const to = y + plane * w.count().area();
    for_each_largest(w, x + plane * w.picture.area(),
                     [=](std::int64_t window, std::int64_t place) { to[window] = from[place]; });
  }
}

template <class T>
void spread_to_largest_planes(const Pooling& call, std::int64_t first, std::int64_t last, const T* x,
                              const T* dy, T* dx) {
  const Windows& w = call.windows;
  const std::int64_t windows = w.count().area(), area = w.picture.area();
  for (std::int64_t plane = first; plane < last; ++plane) {
    const T* const of_dy = dy + plane * windows;
    T* const to = dx + plane * area;
    std::fill_n(to, area, T{0});
    for_each_largest(w, x + plane * area,
                     [=](std::int64_t window, std::int64_t place) { to[place] += of_dy[window]; });
  }
}

template <class T>
void spread_evenly_planes(const Pooling& call, std::int64_t first, std::int64_t last, const T* dy, T* dx) {
  const Windows& w = call.windows;
  const std::int64_t width = w.picture.width, columns = w.count().width, rows = w.count().height;
  const T size = static_cast<T>(w.size.area());
  const internal::Array<T> padded("pool2d", Device::cpu(), w.padded().width);
  T* const HWY_RESTRICT spread = padded.data();
  for (std::int64_t plane = first; plane < last; ++plane) {
    T* const picture = dx + plane * w.picture.area();
    std::fill_n(picture, w.picture.area(), T{0});
    for (std::int64_t p = 0; p < rows; ++p) {
      const T* const HWY_RESTRICT cotangents = dy + (plane * rows + p) * columns;
      std::fill_n(spread, w.padded().width, T{0});
      for (std::int64_t j = 0; j < w.size.width; ++j) {
        for (std::int64_t q = 0; q < columns; ++q) spread[q * w.stride.width + j] += cotangents[q] / size;
      }
      const Span span = rows_of(w, p);
      for (std::int64_t r = span.begin; r < span.end; ++r) {
        T* const HWY_RESTRICT row = picture + r * width;
        for (std::int64_t i = 0; i < width; ++i) row[i] += spread[w.padding.width + i];
      }
    }
  }
}

TAPER_NAME_BOTH(largest_quads);
TAPER_NAME_BOTH(average_quads);
TAPER_NAME_BOTH(spread_to_largest_quads);
TAPER_NAME_BOTH(spread_evenly_quads);
TAPER_NAME_BOTH(largest_rows);
TAPER_NAME_BOTH(average_rows);
TAPER_NAME_BOTH(pick_planes);
TAPER_NAME_BOTH(spread_to_largest_planes);
TAPER_NAME_BOTH(spread_evenly_planes);

}  // namespace taper::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::kernels {
namespace {

TAPER_EXPORT_BOTH(largest_quads)
TAPER_EXPORT_BOTH(average_quads)
TAPER_EXPORT_BOTH(spread_to_largest_quads)
TAPER_EXPORT_BOTH(spread_evenly_quads)
TAPER_EXPORT_BOTH(largest_rows)
TAPER_EXPORT_BOTH(average_rows)
TAPER_EXPORT_BOTH(pick_planes)
TAPER_EXPORT_BOTH(spread_to_largest_planes)
TAPER_EXPORT_BOTH(spread_evenly_planes)

// x's shape with the windows as its last two axes.
Shape pooled(const Pooling& call, const Tensor& x) {
  Shape shape = x.shape();
  shape[x.rank() - 2] = call.windows.count().height;
  shape[x.rank() - 1] = call.windows.count().width;
  return shape;
}

// Calls body(begin, end) for ranges of all rows of windows, or of all planes.
template <class Body>
void for_rows(const Pooling& call, const Body& body) {
  const std::int64_t each = call.windows.size.height * call.windows.picture.width;
  parallel_ranges(call.planes * call.windows.count().height, 1 + part_size / each, body);
}
bool is_in_quads(const Pooling& call) {
  const auto& [picture, size, stride, padding, dilation] = call.windows;
  return size == Size2d(2) && stride == Size2d(2) && padding == Size2d(0);
}
template <class Body>
void for_planes(const Pooling& call, const Body& body) {
  parallel_ranges(call.planes, 1 + part_size / call.windows.picture.area(), body);
}

}  // namespace

Tensor pick_largest(const char* op, const Pooling& call, const Tensor& x, const Tensor& z) {
  Tensor y = Tensor::uninitialized(op, pooled(call, x), x.kind());
  if (const Backend* backend = backend_of(x)) {
    backend->pick_largest(call, x, z, y);
    return y;
  }
  dispatch(x.dtype(), [&]<class T>() {
    const T *const of_x = x.data<T>(), *const of_z = z.data<T>();
    T* const to = y.mutable_data<T>();
    if (of_x == of_z && is_in_quads(call)) {
      for_rows(call, [=](auto begin, auto end) { largest_quads<T>(call, begin, end, of_x, to); });
    } else if (of_x == of_z) {
      for_rows(call, [=](auto begin, auto end) { largest_rows<T>(call, begin, end, of_x, to); });
    } else {
      for_planes(call, [=](auto begin, auto end) { pick_planes<T>(call, begin, end, of_x, of_z, to); });
    }
  });
  return y;
}

Tensor spread_to_largest(const char* op, const Pooling& call, const Tensor& x, const Tensor& dy) {
  Tensor dx = Tensor::uninitialized(op, x.shape(), x.kind());
  if (const Backend* backend = backend_of(x)) {
    backend->spread_to_largest(call, x, dy, dx);
    return dx;
  }
  dispatch(x.dtype(), [&]<class T>() {
    const T *const of_x = x.data<T>(), *const of_dy = dy.data<T>();
    T* const to = dx.mutable_data<T>();
    if (is_in_quads(call)) {
      const Stores stores = stores_for(dx, call.windows.picture.width);
      return for_rows(call, [=](auto begin, auto end) {
        spread_to_largest_quads<T>(call, begin, end, stores, of_x, of_dy, to);
      });
    }
    for_planes(call,
               [=](auto begin, auto end) { spread_to_largest_planes<T>(call, begin, end, of_x, of_dy, to); });
  });
  return dx;
}

Tensor average_windows(const char* op, const Pooling& call, const Tensor& x) {
  Tensor y = Tensor::uninitialized(op, pooled(call, x), x.kind());
  if (const Backend* backend = backend_of(x)) {
    backend->average_windows(call, x, y);
    return y;
  }
  dispatch(x.dtype(), [&]<class T>() {
    const T* const from = x.data<T>();
    T* const to = y.mutable_data<T>();
    if (is_in_quads(call)) {
      return for_rows(call, [=](auto begin, auto end) { average_quads<T>(call, begin, end, from, to); });
    }
    for_rows(call, [=](auto begin, auto end) { average_rows<T>(call, begin, end, from, to); });
  });
  return y;
}

Tensor spread_evenly(const char* op, const Pooling& call, const Tensor& dy, const Shape& x_shape) {
  Tensor dx = Tensor::uninitialized(op, x_shape, dy.kind());
  if (const Backend* backend = backend_of(dy)) {
    backend->spread_evenly(call, dy, dx);
    return dx;
  }
  dispatch(dy.dtype(), [&]<class T>() {
    const T* const from = dy.data<T>();
    T* const to = dx.mutable_data<T>();
    if (is_in_quads(call)) {
      const Stores stores = stores_for(dx, call.windows.picture.width);
      return for_rows(
          call, [=](auto begin, auto end) { spread_evenly_quads<T>(call, begin, end, stores, from, to); });
    }
    for_planes(call, [=](auto begin, auto end) { spread_evenly_planes<T>(call, begin, end, from, to); });
  });
  return dx;
}

}  // namespace taper::kernels
#endif
