// pad: a number all around a tensor.
#pragma once

#include "../../core/tensor.hpp"

#include <vector>

namespace taper {

// How many elements pad() adds at the two ends of an axis.
struct Padding {
  std::int64_t before = 0, after = 0;
};

// y is x with `value` around it: one Padding for each axis, the first axis first, as NumPy's pad has it.
// pad(x, {{0, 0}, {0, 0}, {1, 1}, {1, 1}}) puts a frame of zeros around pictures (n, c, h, w). dx is the part
// of dy that x takes. Throws unless there are as many paddings as axes, none of them negative.
Tensor pad(const Tensor& x, const std::vector<Padding>& paddings, double value = 0);

}  // namespace taper
