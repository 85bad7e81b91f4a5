// AxisView: what a kernel that works along one axis needs to know of a shape.
#pragma once

#include "../../core/shape.hpp"

#include <cstdint>

namespace taper::kernels {

// A tensor seen as (outer, length, inner), where `length` is the extent of one axis.
struct AxisView {
  AxisView(const Shape& shape, int axis) : length(shape[axis]) {
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    for (int i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
  }
  std::int64_t outer = 1;
  std::int64_t length;
  std::int64_t inner = 1;
};

}  // namespace taper::kernels
