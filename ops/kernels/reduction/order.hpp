// Which element is the largest, and the order of all: places along an axis. NaN counts as larger than every
// number, and -0 as 0; of equal elements the first comes first.
#pragma once

#include "../axis_view.hpp"
#include "../backend.hpp"

#include <vector>

namespace taper::kernels {

// For each of the view's outer * inner rows, none of them empty, the place of its largest or smallest
// element; of its first NaN if it has one, for the smallest too. Waits for a device.
std::vector<std::int64_t> find_extremes(const char* op, bool smallest, const AxisView& view, const Tensor& x);

// For each row the places of its first `count` elements in ascending or descending order, as an array (outer,
// count, inner). The CPU sorts what lies on a device, since places are wanted there: see Indices.
std::vector<std::int64_t> sorted_places(bool descending, std::int64_t count, const AxisView& view,
                                        const Tensor& x);

}  // namespace taper::kernels
