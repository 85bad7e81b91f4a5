// Reductions over any set of axes: what sum and max are made of.
#pragma once

#include "../../../core/memory/pool.hpp"
#include "../../../core/tensor.hpp"
#include "../../../core/threads.hpp"
#include "../backend.hpp"

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

// Folds `rows` rows of n elements into out[0 … n), one after the other, but four at a time, so that out is
// read and written less often.
template <class Accumulator, class T, class F>
void fold_rows(const T* x, std::int64_t rows, std::int64_t n, Accumulator* __restrict out, F f) {
  const auto at = [](T value) { return static_cast<Accumulator>(value); };
  for (; rows >= 4; rows -= 4, x += 4 * n) {
    for (std::int64_t i = 0; i < n; ++i) {
      out[i] = f(f(f(f(out[i], at(x[i])), at(x[n + i])), at(x[2 * n + i])), at(x[3 * n + i]));
    }
  }
  for (; rows > 0; --rows, x += n) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = f(out[i], at(x[i]));
  }
}

// Reduces the turns [begin, end) of the outermost loop, whose elements begin at x, into `out`, where the
// result's elements of turn `begin` begin.
template <class Accumulator, class T, class F>
void reduce_part(const ReducePlan& plan, std::int64_t begin, std::int64_t end, const T* x, Accumulator* out,
                 Accumulator start, F f) {
  Shape extents = plan.extents;
  extents[0] = end - begin;
  if (std::find(extents.begin(), extents.end(), 0) != extents.end()) return;
  const int last = extents.size() - 1;
  const std::int64_t n = extents[last];
  // Rows that fold into the same elements are one loop with the elements' own.
  const bool is_column_sum = last > 0 && plan.strides[last] != 0;
  const int inner = is_column_sum ? last - 1 : last;
  const std::int64_t rows = is_column_sum ? extents[inner] : 1;
  Shape counter = Shape::filled(inner, 0);
  for (;;) {
    if (plan.strides[last] == 0) {
      *out = f(*out, fold(x, n, start, f));
    } else {
      fold_rows(x, rows, n, out, f);
    }
    x += rows * n;
    int axis = inner - 1;
    for (; axis >= 0; --axis) {
      out += plan.strides[axis];
      if (++counter[axis] < extents[axis]) break;
      out -= plan.strides[axis] * extents[axis];
      counter[axis] = 0;
    }
    if (axis < 0) return;
  }
}

}  // namespace detail

// Folds the associative and commutative f over the reduced axes, starting from its neutral element `start`,
// and calls emit(i, total) for each element i of the result. The totals are of type Accumulator.
// How the work is cut into parts depends on the shape alone, so that no result depends on the number of
// threads.
template <class Accumulator, class T, class F, class Emit>
void reduce(const ReducePlan& plan, const T* x, Accumulator start, F f, Emit emit) {
  std::int64_t count = 1, inner_size = 1;
  for (std::int64_t extent : plan.result) count *= extent;
  for (int loop = 1; loop < plan.extents.size(); ++loop) inner_size *= plan.extents[loop];
  const std::int64_t outer = plan.extents[0], outer_stride = plan.strides[0];

  // Where the outermost loop is itself reduced, each part has totals of its own, which are then put together.
  // They must be few beside what is added up.
  const bool apart = outer_stride == 0;
  const std::int64_t smallest = std::max(2 * elements_of_part, apart ? 8 * count : 0);
  const std::int64_t part = std::max<std::int64_t>(1, smallest / std::max<std::int64_t>(1, inner_size));
  const std::int64_t parts = std::max<std::int64_t>(1, (outer + part - 1) / part);
  taper::detail::PoolVector<Accumulator> totals(static_cast<std::size_t>(apart ? parts * count : count),
                                                start);
  parallel_for(parts, [&](std::int64_t p) {
    const std::int64_t begin = p * part, end = std::min(outer, begin + part);
    detail::reduce_part(plan, begin, end, x + begin * inner_size,
                        totals.data() + (apart ? p * count : begin * outer_stride), start, f);
  });
  for (std::int64_t p = 1; apart && p < parts; ++p) {
    for (std::int64_t i = 0; i < count; ++i) totals[i] = f(totals[i], totals[p * count + i]);
  }
  for (std::int64_t i = 0; i < count; ++i) emit(i, totals[static_cast<std::size_t>(i)]);
}

}  // namespace taper::kernels
