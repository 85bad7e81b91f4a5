// max_pool2d and avg_pool2d: one number for each window of a picture.
#pragma once

#include "../../core/size2d.hpp"
#include "../../core/tensor.hpp"

namespace taper {

struct Pool2dOptions {
  Size2d stride = 0;   // from one window to the next; 0: the size of a window
  Size2d padding = 0;  // on each side of the picture, at most half of a window
};

// The largest element of each window of `size` over the last two axes of x (…, height, width):
//
//   y[…, p, q] = max over i, j of x[…, p s + i - padding, q s + j - padding] with stride s,
//
// y (…, h, w), h = floor((height + 2 padding - size) / s) + 1, and w likewise. What lies in the padding does
// not count. NaN if there is one. The size and each option are one number or {height, width}.
//
// dx[…, r, t] = the sum of dy over the windows whose largest element is x[…, r, t]: in each window the first
// one, in row-major order, of those that are equal.
//
// float32 or float64. Throws if x has fewer than two axes, size, stride or padding is out of range, or a
// window is larger than the padded picture.
Tensor max_pool2d(const Tensor& x, const Size2d& size, const Pool2dOptions& options = {});

// The mean of each window: y[…, p, q] = sum over i, j of x[…, p s + i - padding, q s + j - padding] / (number
// of elements of a window), where x is 0 in the padding. Otherwise as above, errors too. dx[…, r, t] = the
// sum of dy / (number of elements) over the windows that x[…, r, t] lies in.
Tensor avg_pool2d(const Tensor& x, const Size2d& size, const Pool2dOptions& options = {});

}  // namespace taper
