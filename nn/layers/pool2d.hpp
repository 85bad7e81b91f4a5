// MaxPool2d, AvgPool2d and Flatten: the layers without parameters between convolutions and what follows them.
#pragma once

#include "../../ops/convolution/pool2d.hpp"
#include "../module.hpp"

namespace taper::nn {

// The largest element of each window (the op max_pool2d): x (…, height, width).
class MaxPool2d : public Module {
 public:
  // Windows of one number or {height, width}, one after the other unless there is a stride.
  explicit MaxPool2d(const Size2d& size, const Pool2dOptions& options = {})
      : size_(size), options_(options) {}

  // Throws if size, stride or padding is out of range, or a window is larger than the padded picture.
  Tensor operator()(const Tensor& x) const;
  void list(Parts&) const override {}

 private:
  Size2d size_;
  Pool2dOptions options_;
};

// The mean of each window (the op avg_pool2d), likewise.
class AvgPool2d : public Module {
 public:
  explicit AvgPool2d(const Size2d& size, const Pool2dOptions& options = {})
      : size_(size), options_(options) {}

  Tensor operator()(const Tensor& x) const;
  void list(Parts&) const override {}

 private:
  Size2d size_;
  Pool2dOptions options_;
};

// Each example of a batch as one row (the op flatten): x (batch, …), y (batch, features).
class Flatten : public Module {
 public:
  // Throws if x has fewer than two axes.
  Tensor operator()(const Tensor& x) const;
  void list(Parts&) const override {}
};

}  // namespace taper::nn
