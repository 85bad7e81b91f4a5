// Axes in another order: two of them swapped, in tiles, or else a copy along a loop nest.
#include "permute.hpp"

#include "copy_strided.hpp"
#include "swap_axes.hpp"

#include <algorithm>

namespace taper::kernels {

Tensor permute(const char* op, const Tensor& x, const Shape& order) {
  const Shape x_strides = strides_of(x.shape());
  Shape shape = x.shape(), from = order;
  for (int axis = 0; axis < shape.size(); ++axis) {
    shape[axis] = x.shape()[static_cast<int>(order[axis])];
    from[axis] = x_strides[static_cast<int>(order[axis])];
  }
  // Axes that stay neighbours move as one. What is left is often a swap: (n, h, w, c) to (n, c, h, w) is one
  // of h w and c.
  const StridedCopy loops = merged({shape, {0, from}, {0, strides_of(shape)}});
  const Shape &extents = loops.extents, &strides = loops.from.strides;
  const auto place_in_x = [&](int loop) {
    return static_cast<int>(std::count_if(strides.begin(), strides.end(),
                                          [&](std::int64_t stride) { return stride > strides[loop]; }));
  };
  int first = 0, last = extents.size() - 1;
  while (first < last && place_in_x(first) == first) ++first;
  while (first < last && place_in_x(last) == last) --last;
  bool is_swap = place_in_x(first) == last && place_in_x(last) == first;
  SwapExtents e{.rows = first == last ? 1 : extents[last], .columns = extents[first]};
  for (int loop = 0; loop < extents.size(); ++loop) {
    if (loop == first || loop == last) continue;
    is_swap = is_swap && place_in_x(loop) == loop;
    (loop < first ? e.outer : loop < last ? e.middle : e.inner) *= extents[loop];
  }
  if (is_swap) return swap_axes(op, e, x, shape);
  Tensor y = Tensor::uninitialized(op, shape, x.kind());
  copy_strided(loops, x, y);
  return y;
}

}  // namespace taper::kernels
