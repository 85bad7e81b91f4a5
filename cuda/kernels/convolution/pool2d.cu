// Pooling and its adjoints: a thread for each element of the result, so that no two write to one place.
#include "../../../ops/kernels/convolution/pool2d.hpp"
#include "../cuda_backend.hpp"
#include "../launch.cuh"

namespace taper::cuda {
namespace {

using kernels::Pooling, kernels::Windows;

constexpr int threads = 256;

// From begin to end - 1.
struct Span {
  std::int64_t begin, end;
};
// The elements of a window within the picture, on one axis.
__device__ inline Span elements_of(std::int64_t window, std::int64_t stride, std::int64_t padding,
                                   std::int64_t size, std::int64_t extent) {
  const std::int64_t begin = window * stride - padding;
  return {max(begin, std::int64_t{0}), min(begin + size, extent)};
}
// The windows in which an element lies, on one axis.
__device__ inline Span windows_of(std::int64_t element, std::int64_t stride, std::int64_t padding,
                                  std::int64_t size, std::int64_t count) {
  const std::int64_t at = element + padding;
  return {at < size ? 0 : (at - size) / stride + 1, min(at / stride + 1, count)};
}

struct Plane {
  Windows windows;
  Size2d count;
};

// The place in its picture of the largest element of window (p, q): the first one, or a NaN.
template <class T>
__device__ std::int64_t largest_place(const Plane& plane, const T* x, std::int64_t p, std::int64_t q) {
  const Windows& w = plane.windows;
  const Span rows = elements_of(p, w.stride.height, w.padding.height, w.size.height, w.picture.height);
  const Span columns = elements_of(q, w.stride.width, w.padding.width, w.size.width, w.picture.width);
  std::int64_t place = rows.begin * w.picture.width + columns.begin;
  T largest = x[place];
  for (std::int64_t r = rows.begin; r < rows.end; ++r) {
    for (std::int64_t i = r * w.picture.width + columns.begin; i < r * w.picture.width + columns.end; ++i) {
      if (x[i] > largest || x[i] != x[i]) {
        largest = x[i];
        place = i;
      }
    }
  }
  return place;
}

// The floor of these kernels: what they read is read once from memory (and again from the caches if windows
// overlap), and the result is written once.
template <class T>
__global__ void __launch_bounds__(threads)
    pick(std::int64_t results, Plane plane, const T* x, const T* z, T* y) {
  const std::int64_t width = plane.count.width,
                     area = plane.windows.picture.height * plane.windows.picture.width;
  for (std::int64_t i = first_item(); i < results; i += item_stride()) {
    const std::int64_t row = i / width, picture = row / plane.count.height * area;
    y[i] = z[picture + largest_place(plane, x + picture, row % plane.count.height, i - row * width)];
  }
}

template <class T>
__global__ void __launch_bounds__(threads)
    spread_largest(std::int64_t elements, Plane plane, const T* x, const T* dy, T* dx) {
  const Windows& w = plane.windows;
  const std::int64_t width = w.picture.width, height = w.picture.height;
  for (std::int64_t i = first_item(); i < elements; i += item_stride()) {
    const std::int64_t row = i / width, picture = row / height;
    const std::int64_t r = row - picture * height, t = i - row * width;
    const Span ps = windows_of(r, w.stride.height, w.padding.height, w.size.height, plane.count.height);
    const Span qs = windows_of(t, w.stride.width, w.padding.width, w.size.width, plane.count.width);
    T sum = 0;
    for (std::int64_t p = ps.begin; p < ps.end; ++p) {
      for (std::int64_t q = qs.begin; q < qs.end; ++q) {
        if (largest_place(plane, x + picture * height * width, p, q) == r * width + t)
          sum += dy[(picture * plane.count.height + p) * plane.count.width + q];
      }
    }
    dx[i] = sum;
  }
}

template <class T>
__global__ void __launch_bounds__(threads) average(std::int64_t results, Plane plane, const T* x, T* y) {
  const Windows& w = plane.windows;
  const std::int64_t width = w.picture.width;
  for (std::int64_t i = first_item(); i < results; i += item_stride()) {
    const std::int64_t row = i / plane.count.width, picture = row / plane.count.height;
    const Span rows = elements_of(row - picture * plane.count.height, w.stride.height, w.padding.height,
                                  w.size.height, w.picture.height);
    const Span columns = elements_of(i - row * plane.count.width, w.stride.width, w.padding.width,
                                     w.size.width, w.picture.width);
    double sum = 0;
    for (std::int64_t r = rows.begin; r < rows.end; ++r) {
      for (std::int64_t t = columns.begin; t < columns.end; ++t)
        sum += static_cast<double>(x[(picture * w.picture.height + r) * width + t]);
    }
    y[i] = static_cast<T>(sum / static_cast<double>(w.size.height * w.size.width));
  }
}

template <class T>
__global__ void __launch_bounds__(threads)
    spread_average(std::int64_t elements, Plane plane, const T* dy, T* dx) {
  const Windows& w = plane.windows;
  const std::int64_t width = w.picture.width, height = w.picture.height;
  for (std::int64_t i = first_item(); i < elements; i += item_stride()) {
    const std::int64_t row = i / width, picture = row / height;
    const Span ps = windows_of(row - picture * height, w.stride.height, w.padding.height, w.size.height,
                               plane.count.height);
    const Span qs =
        windows_of(i - row * width, w.stride.width, w.padding.width, w.size.width, plane.count.width);
    double sum = 0;
    for (std::int64_t p = ps.begin; p < ps.end; ++p) {
      for (std::int64_t q = qs.begin; q < qs.end; ++q)
        sum += static_cast<double>(dy[(picture * plane.count.height + p) * plane.count.width + q]);
    }
    dx[i] = static_cast<T>(sum / static_cast<double>(w.size.height * w.size.width));
  }
}

// Launches a kernel with a thread for each element of `result`.
template <class Kernel, class... Arguments>
void for_each(const char* op, Kernel kernel, const Pooling& call, const Tensor& result,
              Arguments... arguments) {
  if (result.size() == 0) return;
  const Plane plane{call.windows, call.windows.count()};
  launch(op, kernel, blocks_for(result.size(), threads), threads, 0, result.size(), plane, arguments...);
}

}  // namespace

void CudaBackend::pick_largest(const Pooling& call, const Tensor& x, const Tensor& z, Tensor& y) const {
  dispatch(x.dtype(), [&]<class T>() {
    for_each("max_pool2d", pick<T>, call, y, pointer<T>(x), pointer<T>(z), pointer<T>(y));
  });
}

void CudaBackend::spread_to_largest(const Pooling& call, const Tensor& x, const Tensor& dy,
                                    Tensor& dx) const {
  dispatch(x.dtype(), [&]<class T>() {
    for_each("max_pool2d_vjp", spread_largest<T>, call, dx, pointer<T>(x), pointer<T>(dy), pointer<T>(dx));
  });
}

void CudaBackend::average_windows(const Pooling& call, const Tensor& x, Tensor& y) const {
  dispatch(x.dtype(),
           [&]<class T>() { for_each("avg_pool2d", average<T>, call, y, pointer<T>(x), pointer<T>(y)); });
}

void CudaBackend::spread_evenly(const Pooling& call, const Tensor& dy, Tensor& dx) const {
  dispatch(dy.dtype(), [&]<class T>() {
    for_each("avg_pool2d_vjp", spread_average<T>, call, dx, pointer<T>(dy), pointer<T>(dx));
  });
}

}  // namespace taper::cuda
