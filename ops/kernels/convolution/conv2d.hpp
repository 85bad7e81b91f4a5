// Convolution and its two adjoints, from which every derivative of it is made.
#pragma once

#include "windows.hpp"

namespace taper::kernels {

// What is convolved, in each of `groups` groups of channels: x (batch, groups * inputs, height, width) with
// weight (groups * outputs, inputs, size.height, size.width).
struct Convolution {
  std::int64_t batch, groups, inputs, outputs;
  Windows windows;

  // How many products an element of the result is the sum of.
  std::int64_t depth() const { return inputs * windows.size.area(); }
  Shape x_shape() const { return {batch, groups * inputs, windows.picture.height, windows.picture.width}; }
  Shape weight_shape() const { return {groups * outputs, inputs, windows.size.height, windows.size.width}; }
  Shape y_shape() const {
    const Size2d count = windows.count();
    return {batch, groups * outputs, count.height, count.width};
  }
};

// y[b, o, w] = bias[o] + sum over c and i of weight[o, c, i] x[b, c, w, i], where x[b, c, w, i] is element i
// of window w, and c counts the channels of o's group. bias may be null.
Tensor convolve(const char* op, const Convolution& call, const Tensor& x, const Tensor& weight,
                const Tensor* bias);
// Its adjoint in x: dx[b, c, s] = the sum of weight[o, c, i] dy[b, o, w] over all o, w and i for which
// element i of window w is s.
Tensor convolve_dx(const char* op, const Convolution& call, const Tensor& dy, const Tensor& weight);
// Its adjoint in the weight: dweight[o, c, i] = sum over b and w of dy[b, o, w] x[b, c, w, i].
Tensor convolve_dweight(const char* op, const Convolution& call, const Tensor& x, const Tensor& dy);

}  // namespace taper::kernels
