// Pooling: one number for each window of a picture, its largest element or the mean, and the adjoints.
#pragma once

#include "windows.hpp"

namespace taper::kernels {

// Windows over each of `planes` pictures, the last two axes of x (…, height, width). A window's elements in
// the padding count as zeros in a mean, and are none for the largest.
struct Pooling {
  std::int64_t planes;
  Windows windows;
};

// y[w] = z at the place of the largest element of x in window w: the first one in row-major order, or a NaN
// if there is one. x and z have one shape. With z = x these are the largest elements themselves.
Tensor pick_largest(const char* op, const Pooling& call, const Tensor& x, const Tensor& z);
// Its adjoint in z: zeros of x's shape, to which each element of dy is added at the place that it was picked
// from.
Tensor spread_to_largest(const char* op, const Pooling& call, const Tensor& x, const Tensor& dy);

// y[w] = the mean of window w.
Tensor average_windows(const char* op, const Pooling& call, const Tensor& x);
// Its adjoint: zeros of x_shape, to which each element of dy, divided by the size of a window, is added at
// every place of its window.
Tensor spread_evenly(const char* op, const Pooling& call, const Tensor& dy, const Shape& x_shape);

}  // namespace taper::kernels
