// reshape: the same elements under another shape.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y has x's elements in the same row-major order; nothing is copied. One extent may be -1: it is what is
// left over. dx = dy under x's shape. Throws if the number of elements differs, or -1 stands twice or can't
// be determined.
Tensor reshape(const Tensor& x, const Shape& shape);

}  // namespace taper
