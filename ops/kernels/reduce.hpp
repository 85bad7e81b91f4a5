// Reductions over any set of axes: what sum and max are made of.
#pragma once

#include <taper/core/pool.hpp>
#include <taper/core/tensor.hpp>

#include <algorithm>

namespace taper::kernels {

// How to walk a tensor in memory order while reducing some of its axes. Neighbouring axes of one kind are one
// loop.
struct ReducePlan {
  Shape kept;     // the result's shape with 1 for each reduced axis
  Shape result;   // the result's shape
  Shape extents;  // of the loops, outermost first; at least one
  Shape strides;  // of the result in each loop, in elements; 0 where the loop is reduced
};
// `reduced` marks the axes to reduce, see Axes::reduced.
ReducePlan plan_reduction(const Shape& shape, const Shape& reduced, bool keepdims);

namespace detail {

// f folded over x[0 … n): in eight independent lanes, so that the compiler vectorises it, always in the same
// order.
template <class Accumulator, class T, class F>
Accumulator fold(const T* x, std::int64_t n, Accumulator start, F f) {
  constexpr int lanes = 8;
  Accumulator lane[lanes];
  std::fill_n(lane, lanes, start);
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    for (int l = 0; l < lanes; ++l) lane[l] = f(lane[l], static_cast<Accumulator>(x[i + l]));
  }
  for (; i < n; ++i) lane[0] = f(lane[0], static_cast<Accumulator>(x[i]));
  for (int l = 1; l < lanes; ++l) lane[0] = f(lane[0], lane[l]);
  return lane[0];
}

}  // namespace detail

// Folds the associative and commutative f over the reduced axes, starting from its neutral element `start`,
// and calls emit(i, total) for each element i of the result. The totals are of type Accumulator.
template <class Accumulator, class T, class F, class Emit>
void reduce(const ReducePlan& plan, const T* x, Accumulator start, F f, Emit emit) {
  std::int64_t count = 1;
  for (std::int64_t extent : plan.result) count *= extent;
  taper::detail::PoolVector<Accumulator> totals(static_cast<std::size_t>(count), start);

  const int inner = plan.extents.size() - 1;
  const std::int64_t n = plan.extents[inner];
  const bool empty = std::find(plan.extents.begin(), plan.extents.end(), 0) != plan.extents.end();
  Shape counter = Shape::filled(inner, 0);
  for (Accumulator* out = totals.data(); !empty;) {
    if (plan.strides[inner] == 0) {
      *out = f(*out, detail::fold(x, n, start, f));
    } else {
      for (std::int64_t i = 0; i < n; ++i) out[i] = f(out[i], static_cast<Accumulator>(x[i]));
    }
    x += n;
    int axis = inner - 1;
    for (; axis >= 0; --axis) {
      out += plan.strides[axis];
      if (++counter[axis] < plan.extents[axis]) break;
      out -= plan.strides[axis] * plan.extents[axis];
      counter[axis] = 0;
    }
    if (axis < 0) break;
  }
  for (std::int64_t i = 0; i < count; ++i) emit(i, totals[static_cast<std::size_t>(i)]);
}

}  // namespace taper::kernels
