// concat: tensors joined along one axis.
#pragma once

#include "../../core/tensor.hpp"

#include <vector>

namespace taper {

// y holds the tensors one after the other along `axis`, in which alone their shapes may differ. The cotangent
// of each is its stretch of dy. float32 or float64, all the same. Throws if there is no tensor, the axis is
// out of range, or dtypes or other extents differ.
Tensor concat(const std::vector<Tensor>& tensors, int axis = 0);

}  // namespace taper
