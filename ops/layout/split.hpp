// split: a tensor cut along one axis.
#pragma once

#include "../../core/tensor.hpp"

#include <concepts>
#include <vector>

namespace taper {

// The parts of x along `axis`, one after the other, of these sizes. The cotangent of x is dy_0, dy_1, … one
// after the other. Throws if the axis is out of range, a size is negative, or the sizes don't add up to the
// axis's extent.
std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& sizes, int axis = 0);

namespace internal {
std::vector<Tensor> split_evenly(const Tensor& x, std::int64_t parts, int axis);
}

// That many parts of equal size, as NumPy's split. Throws if they don't divide the axis's extent. (PyTorch's
// split takes the size of a part instead.)
std::vector<Tensor> split(const Tensor& x, std::integral auto parts, int axis = 0) {
  return internal::split_evenly(x, static_cast<std::int64_t>(parts), axis);
}

}  // namespace taper
