// split: each part is a slice of x; dx = the parts' cotangents one after the other.
#include "split.hpp"

#include "../../core/fail.hpp"
#include "slice.hpp"

namespace taper {

std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& sizes, int axis) {
  check_given("split", "x", x);
  const int cut = checked_axis("split", "axis", axis, x.shape());
  const std::int64_t extent = x.shape()[cut];
  std::int64_t left = extent;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 0) fail("split", "sizes[", i, "] is ", sizes[i], ": wanted at least 0");
    if (sizes[i] > left) {
      fail("split", "sizes add up to more than ", extent, ", the extent of axis ", axis, " of shape ",
           x.shape());
    }
    left -= sizes[i];
  }
  if (left != 0) {
    fail("split", "sizes add up to ", extent - left, ", but axis ", axis, " of shape ", x.shape(),
         " has extent ", extent);
  }
  std::vector<Tensor> parts;
  parts.reserve(sizes.size());
  std::int64_t start = 0;
  for (const std::int64_t size : sizes) {
    parts.push_back(slice(x, cut, start, start + size));
    start += size;
  }
  return parts;
}

std::vector<Tensor> internal::split_evenly(const Tensor& x, std::int64_t parts, int axis) {
  check_given("split", "x", x);
  const std::int64_t extent = x.shape()[checked_axis("split", "axis", axis, x.shape())];
  if (parts < 1 || extent % parts != 0) {
    fail("split", "parts is ", parts, ": wanted a divisor of ", extent, ", the extent of axis ", axis,
         " of shape ", x.shape());
  }
  return split(x, std::vector<std::int64_t>(static_cast<std::size_t>(parts), extent / parts), axis);
}

}  // namespace taper
