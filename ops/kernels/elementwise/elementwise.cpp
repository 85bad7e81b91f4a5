// Loops over tensors that broadcast: how they nest, and how threads share them.
#include "elementwise.hpp"

#include "../../../core/fail.hpp"
#include "../../../core/memory/transfer.hpp"
#include "../../../core/threads.hpp"
#include "../backend.hpp"

#include <algorithm>

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

namespace {

constexpr std::size_t most_operands = 3;

// y = f(x_0, …) on y's device, which is not the CPU. Does nothing for no elements. Throws if f, which stands
// at the place `function` in Functions, is none of them.
void launch_map(const char* op, int function, const Shape& extents, std::span<const Shape> strides,
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

// One call of an elementwise function on the CPU: its operands and its result, by their bytes.
class Loops {
 public:
  Loops(const detail::Function& function, std::span<const Tensor* const> x, Tensor& y)
      : function_(function.f),
        loop_(y.dtype() == float32 ? function.float32_loop : function.float64_loop),
        count_(x.size()),
        element_(static_cast<std::int64_t>(size_of(y.dtype()))),
        to_(y.mutable_bytes()) {
    for (std::size_t k = 0; k < count_; ++k) from_[k] = x[k]->bytes();
  }

  // One loop of n elements.
  void run(std::int64_t n, const std::int64_t* strides) const {
    if (n <= part_size) return row(n, from_, strides, 0);  // a small tensor should cost little
    parallel_ranges(n, part_size, [&](std::int64_t begin, std::int64_t end) {
      Places at = from_;
      for (std::size_t k = 0; k < count_; ++k) at[k] += begin * strides[k] * element_;
      row(end - begin, at, strides, begin);
    });
  }

  // A nest of loops, of which threads share the outer ones (see BroadcastPlan).
  void run(const Shape& extents, std::span<const Shape> strides) const {
    const int inner = extents.size() - 1;
    std::int64_t inner_strides[most_operands] = {};
    if (inner >= 0) {
      for (std::size_t k = 0; k < count_; ++k) inner_strides[k] = strides[k][inner];
    }
    if (inner <= 0) return run(inner < 0 ? 1 : extents[0], inner_strides);
    const std::int64_t n = extents[inner];
    std::int64_t rows = 1;
    for (int axis = 0; axis < inner; ++axis) rows *= extents[axis];

    parallel_ranges(
        rows, std::max<std::int64_t>(1, part_size / n), [&](std::int64_t begin, std::int64_t end) {
          Shape counter = Shape::filled(inner, 0);  // an odometer over the outer loops, set to row `begin`
          Places at = from_;
          const auto move = [&](int axis, std::int64_t steps) {
            for (std::size_t k = 0; k < count_; ++k) at[k] += steps * strides[k][axis] * element_;
          };
          std::int64_t left = begin;
          for (int axis = inner - 1; axis >= 0; --axis) {
            counter[axis] = left % extents[axis];
            left /= extents[axis];
            move(axis, counter[axis]);
          }
          for (std::int64_t i = begin; i < end; ++i) {
            row(n, at, inner_strides, i * n);
            for (int axis = inner - 1; axis >= 0; --axis) {
              move(axis, 1);
              if (++counter[axis] < extents[axis]) break;
              move(axis, -extents[axis]);
              counter[axis] = 0;
            }
          }
        });
  }

 private:
  using Places = std::array<const std::byte*, most_operands>;

  void row(std::int64_t n, const Places& at, const std::int64_t* strides, std::int64_t first) const {
    loop_(function_, n, at.data(), strides, to_ + first * element_);
  }

  const void* function_;
  detail::Function::RowLoop* loop_;
  std::size_t count_;
  std::int64_t element_;
  Places from_{};
  std::byte* to_;
};

template <std::size_t N>
Tensor map_broadcast(const char* op, const detail::Function& function, const BroadcastPlan<N>& plan,
                     const std::array<const Tensor*, N>& x) {
  Tensor y = Tensor::uninitialized(op, plan.result, x[0]->kind());
  if (!y.device().is_cpu()) {
    launch_map(op, function.index, plan.extents, plan.strides, x, y);
  } else if (y.size() != 0) {
    Loops(function, x, y).run(plan.extents, plan.strides);
  }
  return y;
}

}  // namespace

void detail::map_flat(const char* op, const Function& function, std::span<const Tensor* const> x,
                      std::span<const std::int64_t> strides, Tensor& y) {
  if (y.device().is_cpu()) return Loops(function, x, y).run(y.size(), strides.data());
  std::array<Shape, most_operands> shapes;
  for (std::size_t k = 0; k < x.size(); ++k) shapes[k] = Shape{strides[k]};
  y.mutable_bytes();  // a change of y, if it is not new
  launch_map(op, function.index, {y.size()}, std::span(shapes).first(x.size()), x, y);
}

Tensor detail::map(const char* op, const Tensor& x, const Function& function) {
  check_given(op, "x", x);
  Tensor y = Tensor::uninitialized(op, x.shape(), x.kind());
  map_flat(op, function, std::array{&x}, std::array<std::int64_t, 1>{1}, y);
  return y;
}

Tensor detail::map(const char* op, const Tensor& a, const Tensor& b, const Function& function) {
  common_kind(op, a, b);
  const bool same = a.shape() == b.shape();
  const bool b_is_scalar = !same && b.size() == 1 && b.rank() <= a.rank();
  const bool a_is_scalar = !same && a.size() == 1 && a.rank() <= b.rank();
  if (!same && !b_is_scalar && !a_is_scalar) {
    return map_broadcast<2>(op, function, plan_broadcast<2>(op, {&a.shape(), &b.shape()}), {&a, &b});
  }
  Tensor y = Tensor::uninitialized(op, (a_is_scalar ? b : a).shape(), a.kind());
  map_flat(op, function, std::array{&a, &b}, std::array<std::int64_t, 2>{!a_is_scalar, !b_is_scalar}, y);
  return y;
}

Tensor detail::map(const char* op, const Tensor& a, const Tensor& b, const Tensor& c,
                   const Function& function) {
  common_kind(op, a, b);
  common_kind(op, a, c);
  return map_broadcast<3>(op, function, plan_broadcast<3>(op, {&a.shape(), &b.shape(), &c.shape()}),
                          {&a, &b, &c});
}

Tensor broadcast(const char* op, const Tensor& x, const Shape& shape) {
  if (!broadcasts_to(x.shape(), shape)) fail(op, "x of shape ", x.shape(), " does not broadcast to ", shape);
  return map_broadcast<1>(op, detail::function_of<1>(functions::Identity()),
                          plan_broadcast<1>(op, {&x.shape()}, shape), {&x});
}

}  // namespace taper::kernels
