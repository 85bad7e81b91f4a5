// Conv2d: learned filters, slid over pictures.
#pragma once

#include "../../core/random.hpp"
#include "../../core/size2d.hpp"
#include "../module.hpp"

namespace taper::nn {

struct Conv2dOptions {
  Size2d stride = 1;        // from one window to the next
  Size2d padding = 0;       // zeros on each side of the picture
  Size2d dilation = 1;      // from one element of a window to the next
  std::int64_t groups = 1;  // groups of channels, which do not see each other
  bool bias = true;
  DType dtype = float32;
};

// The op conv2d: x (batch, inputs, height, width), weight (outputs, inputs / groups, kernel), bias (outputs),
// y (batch, outputs, h, w). `kernel` is one number or {height, width}, the size of the filters. Weight and
// bias start uniform in [-1/sqrt(n), 1/sqrt(n)), n = inputs / groups * the elements of the kernel, as
// PyTorch's.
class Conv2d : public Module {
 public:
  // Throws unless inputs, outputs, groups and kernel are at least 1 and groups divides inputs and outputs.
  Conv2d(std::int64_t inputs, std::int64_t outputs, const Size2d& kernel, Generator& generator,
         const Conv2dOptions& options = {});
  Conv2d(std::int64_t inputs, std::int64_t outputs, const Size2d& kernel, const Conv2dOptions& options = {})
      : Conv2d(inputs, outputs, kernel, default_generator(), options) {}

  // Throws if x's rank, channels or dtype do not fit, or the kernel is larger than the padded picture.
  Tensor operator()(const Tensor& x) const;
  void list(Parts& parts) const override;

  Tensor weight;
  Tensor bias;  // an empty handle without bias

 private:
  Size2d stride_, padding_, dilation_;
  std::int64_t groups_;
};

}  // namespace taper::nn
