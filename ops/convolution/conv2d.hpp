// conv2d: a filter for each output channel, slid over pictures.
#pragma once

#include "../../core/size2d.hpp"
#include "../../core/tensor.hpp"

namespace taper {

struct Conv2dOptions {
  Size2d stride = 1;        // from one window to the next
  Size2d padding = 0;       // zeros on each side of the picture
  Size2d dilation = 1;      // from one element of a window to the next
  std::int64_t groups = 1;  // groups of channels, which do not see each other
};

// For x (batch, inputs, height, width), weight (outputs, inputs / groups, kh, kw) and bias (outputs), the
// result is y (batch, outputs, h, w). With stride s and dilation d,
//
//   y[b, o, p, q] = bias[o] + sum over c, i, j of weight[o, c, i, j] x[b, c, r, t],
//   r = p s + i d - padding,   h = floor((height + 2 padding - d (kh - 1) - 1) / s) + 1,
//
// and t and w likewise from q and j; x is zero outside of the picture. This is a cross-correlation, as
// PyTorch's conv2d. The channels c are those of o's group: the first inputs / groups channels for the first
// outputs / groups filters, and so on. An option is one number or {height, width}.
//
//   dx[b, c, r, t] = the sum of weight[o, c, i, j] dy[b, o, p, q] over what multiplies x[b, c, r, t] above,
//   dweight[o, c, i, j] = sum over b, p, q of dy[b, o, p, q] x[b, c, r, t],
//   dbias[o] = sum over b, p, q of dy[b, o, p, q].
//
// The result is bitwise the same for any number of threads. float32 or float64, all the same. Throws if a
// rank is not 4 (bias: 1), extents, dtypes or groups do not fit, an option is out of range, or a filter is
// larger than the padded picture.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dOptions& options = {});
// The same without bias.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Conv2dOptions& options = {});

}  // namespace taper
