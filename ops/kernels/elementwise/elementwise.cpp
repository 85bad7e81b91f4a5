// Planning of broadcast loops.
#include "elementwise.hpp"

#include "../../../core/fail.hpp"
#include "../../../core/memory/transfer.hpp"
#include "../backend.hpp"

namespace taper::kernels {

Kind common_kind(const char* op, const Tensor& a, const Tensor& b) {
  check_given(op, "a", a, "b", b);
  if (a.kind() == b.kind()) return a.kind();
  if (a.dtype() != b.dtype()) {
    fail(op, "dtypes differ: a is ", a.dtype(), " ", a.shape(), ", b is ", b.dtype(), " ", b.shape());
  }
  check_same_device(op, "a", a, "b", b);
  return a.kind();
}

void detail::launch_map(const char* op, int function, const Shape& extents, std::span<const Shape> strides,
                        std::span<const Tensor* const> x, Tensor& y) {
  if (function < 0) {
    fail(op, "its function runs on the CPU only, for it is none of kernels::Functions; x is on ", y.device());
  }
  if (y.size() == 0) return;
  MapCall call{function, static_cast<int>(x.size()), {}, extents, {}};
  std::copy(x.begin(), x.end(), call.x);
  std::copy(strides.begin(), strides.end(), call.strides);
  backend_of(y)->map(call, y);
}

template <std::size_t N>
BroadcastPlan<N> plan_broadcast(const char* op, const std::array<const Shape*, N>& shapes,
                                const Shape& result) {
  BroadcastPlan<N> plan;
  plan.result = result;
  for (const Shape* shape : shapes) plan.result = broadcast_shapes(op, plan.result, *shape);
  const int rank = plan.result.size();

  // From the last axis outwards: an axis joins the loop inside it if each operand's stride
  // continues that loop's.
  Shape extents = Shape::filled(rank, 1);
  std::array<Shape, N> strides;
  for (Shape& s : strides) s = Shape::filled(rank, 0);
  std::array<std::int64_t, N>
      next;  // the stride that the coming axis has in each operand, if it is not broadcast
  next.fill(1);
  int loop = rank;  // loops loop … rank - 1 are in use
  for (int axis = rank - 1; axis >= 0; --axis) {
    const std::int64_t extent = plan.result[axis];
    if (extent == 1) continue;
    std::array<std::int64_t, N> stride;
    bool merges = loop < rank;
    for (std::size_t k = 0; k < N; ++k) {
      const int own_axis = axis - (rank - shapes[k]->size());
      const bool present = own_axis >= 0 && (*shapes[k])[own_axis] != 1;
      stride[k] = present ? next[k] : 0;
      if (present) next[k] *= extent;
      merges = merges && stride[k] == strides[k][loop] * extents[loop];
    }
    if (merges) {
      extents[loop] *= extent;
    } else {
      --loop;
      extents[loop] = extent;
      for (std::size_t k = 0; k < N; ++k) strides[k][loop] = stride[k];
    }
  }
  plan.extents = Shape(extents.data() + loop, rank - loop);
  for (std::size_t k = 0; k < N; ++k) plan.strides[k] = Shape(strides[k].data() + loop, rank - loop);
  return plan;
}

template BroadcastPlan<2> plan_broadcast(const char*, const std::array<const Shape*, 2>&, const Shape&);
template BroadcastPlan<3> plan_broadcast(const char*, const std::array<const Shape*, 3>&, const Shape&);

Tensor broadcast(const char* op, const Tensor& x, const Shape& shape) {
  if (!broadcasts_to(x.shape(), shape)) fail(op, "x of shape ", x.shape(), " does not broadcast to ", shape);
  const BroadcastPlan<1> plan = plan_broadcast<1>(op, {&x.shape()}, shape);
  Tensor y = Tensor::uninitialized(op, shape, x.kind());
  if (detail::map_on_device(op, functions::Identity(), plan, {&x}, y)) return y;
  if (y.size() != 0) {
    dispatch(x.dtype(), [&]<class T>() {
      detail::run_plan(plan, std::array<const T*, 1>{x.data<T>()}, y.mutable_data<T>(),
                       functions::Identity());
    });
  }
  return y;
}

}  // namespace taper::kernels
