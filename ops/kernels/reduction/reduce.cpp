// Reductions: the plan, and the CPU's loops.
#include "reduce.hpp"

#include "../../../core/memory/pool.hpp"
#include "../../../core/threads.hpp"

#include <algorithm>
#include <limits>

namespace taper::kernels {
namespace {

// f folded over x[0 … n): in eight independent lanes, so that the compiler vectorises it, and always in
// the same order.
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

// Reduces the turns [begin, end) of the outermost loop. The elements of turn `begin` start at x, and the
// results that belong to it at `out`.
template <class Accumulator, class T, class F>
void reduce_part(const ReducePlan& plan, std::int64_t begin, std::int64_t end, const T* x, Accumulator* out,
                 Accumulator start, F f) {
  Shape extents = plan.extents;
  extents[0] = end - begin;
  if (std::find(extents.begin(), extents.end(), 0) != extents.end()) return;
  const int last = extents.size() - 1;
  const std::int64_t n = extents[last];
  // In a sum over columns the rows fold into the same elements: rows and elements are one step.
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

// Folds the associative and commutative f over the reduced axes, starting from its neutral element `start`,
// in totals of type Accumulator. How the work is cut into parts depends on the shape alone, so that no result
// depends on the number of threads.
template <class Accumulator, class T, class F>
void reduce(const ReducePlan& plan, const T* x, T* y, Accumulator start, F f) {
  std::int64_t count = 1, inner_size = 1;
  for (std::int64_t extent : plan.result) count *= extent;
  for (int loop = 1; loop < plan.extents.size(); ++loop) inner_size *= plan.extents[loop];
  const std::int64_t outer = plan.extents[0], outer_stride = plan.strides[0];

  // If the outermost loop is itself reduced, each part has totals of its own, which are combined at the end.
  // They must be few compared with the elements that are reduced.
  const bool apart = outer_stride == 0;
  const std::int64_t smallest = std::max(2 * part_size, apart ? 8 * count : 0);
  const std::int64_t part = std::max<std::int64_t>(1, smallest / std::max<std::int64_t>(1, inner_size));
  const std::int64_t parts = std::max<std::int64_t>(1, (outer + part - 1) / part);
  internal::PoolVector<Accumulator> totals(static_cast<std::size_t>(apart ? parts * count : count), start);
  parallel_for(parts, [&](std::int64_t p) {
    const std::int64_t begin = p * part, end = std::min(outer, begin + part);
    reduce_part(plan, begin, end, x + begin * inner_size,
                totals.data() + (apart ? p * count : begin * outer_stride), start, f);
  });
  for (std::int64_t p = 1; apart && p < parts; ++p) {
    for (std::int64_t i = 0; i < count; ++i) totals[i] = f(totals[i], totals[p * count + i]);
  }
  for (std::int64_t i = 0; i < count; ++i) y[i] = static_cast<T>(totals[static_cast<std::size_t>(i)]);
}

// The reduction `what` by the device's kernel. On the CPU f folds, beginning with start(T{}).
template <class Start, class F>
Tensor reduce(const char* op, Reduction what, const ReducePlan& plan, const Tensor& x, Start start, F f) {
  Tensor y = Tensor::uninitialized(op, plan.result, x.kind());
  if (const Backend* backend = backend_of(x)) {
    backend->reduce(what, plan, x, y);
  } else {
    dispatch(x.dtype(), [&]<class T>() { reduce(plan, x.data<T>(), y.mutable_data<T>(), start(T{}), f); });
  }
  return y;
}

}  // namespace

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
  std::int64_t stride = 1;  // of the next kept axis in the result
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

Tensor sum(const char* op, const ReducePlan& plan, const Tensor& x) {
  return reduce(
      op, Reduction::sum, plan, x, [](auto) { return 0.0; }, [](double a, double b) { return a + b; });
}

Tensor max(const char* op, const ReducePlan& plan, const Tensor& x) {
  return reduce(
      op, Reduction::max, plan, x, [](auto zero) { return -std::numeric_limits<decltype(zero)>::infinity(); },
      [](auto a, auto b) { return b > a || b != b ? b : a; });  // NaN, once seen, stays
}

}  // namespace taper::kernels
