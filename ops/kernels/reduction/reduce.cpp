// Planning of reductions.
#include "reduce.hpp"

namespace taper::kernels {

ReducePlan plan_reduction(const Shape& shape, const Shape& reduced, bool keepdims) {
  const int rank = shape.size();
  ReducePlan plan;
  plan.kept = shape;
  Shape result = shape;  // its first `kept_axes` entries
  int kept_axes = 0;
  for (int axis = 0; axis < rank; ++axis) {
    if (reduced[axis]) {
      plan.kept[axis] = 1;
    } else {
      result[kept_axes++] = shape[axis];
    }
  }
  plan.result = keepdims ? plan.kept : Shape(result.data(), kept_axes);

  Shape extents = Shape::filled(rank + 1, 1), strides = Shape::filled(rank + 1, 0);
  int loop = rank;  // loops loop … rank are in use; the innermost starts as a reduced one of extent 1
  bool loop_is_reduced = true;
  std::int64_t stride = 1;  // of the coming kept axis in the result
  for (int axis = rank - 1; axis >= 0; --axis) {
    const bool is_reduced = reduced[axis] != 0;
    const bool first = loop == rank && extents[rank] == 1 && strides[rank] == 0;
    if (first && !is_reduced) {
      strides[loop] = stride;
    } else if (is_reduced != loop_is_reduced) {
      --loop;
      strides[loop] = is_reduced ? 0 : stride;
    }
    loop_is_reduced = is_reduced;
    extents[loop] *= shape[axis];
    if (!is_reduced) stride *= shape[axis];
  }
  plan.extents = Shape(extents.data() + loop, rank + 1 - loop);
  plan.strides = Shape(strides.data() + loop, rank + 1 - loop);
  return plan;
}

}  // namespace taper::kernels
