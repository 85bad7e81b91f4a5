// slice: a stretch of one axis.
#pragma once

#include "../../core/tensor.hpp"

namespace taper {

// y holds the positions start, start + step, … before stop of x's axis: x[…, start:stop:step, …]. A negative
// start or stop counts from the end. dx is dy at those positions and zero elsewhere. Throws if the axis,
// start or stop is out of range, or step < 1.
Tensor slice(const Tensor& x, int axis, std::int64_t start, std::int64_t stop, std::int64_t step = 1);

}  // namespace taper
