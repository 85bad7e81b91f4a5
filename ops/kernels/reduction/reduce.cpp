// Reductions: the plan, and the CPU's loops.
#include "reduce.hpp"

#include "../../../core/create.hpp"
#include "../../../core/memory/pool.hpp"
#include "../../../core/memory/transfer.hpp"
#include "../../../core/threads.hpp"
#include "../elementwise/elementwise.hpp"
#include "../elementwise/functions.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace taper::kernels {
namespace {

// What is folded: an associative and commutative operator() with its neutral element `start`, on totals of
// the type Accumulator. load() makes one of an element that belongs to the given result, and finish() the
// result of a total.
template <class T>
struct Sums {
  using Accumulator = double;
  static constexpr double start = 0;
  static constexpr int lanes = 8;
  double load(T x, std::int64_t) const { return static_cast<double>(x); }
  double operator()(double a, double b) const { return a + b; }
  double finish(double total) const { return total; }
};
template <class T>
struct Products : Sums<T> {
  static constexpr double start = 1;
  double operator()(double a, double b) const { return a * b; }
};
template <class T>
struct Norms : Sums<T> {
  double load(T x, std::int64_t) const { return static_cast<double>(x) * static_cast<double>(x); }
  double finish(double total) const { return std::sqrt(total); }
};
template <class T>
struct Variances : Sums<T> {
  const double* means;
  double divisor;
  bool takes_root;
  Variances(const double* means, double divisor, bool takes_root)
      : means(means), divisor(divisor), takes_root(takes_root) {}
  double load(T x, std::int64_t result) const {
    const double deviation = static_cast<double>(x) - means[result];
    return deviation * deviation;
  }
  double finish(double total) const { return takes_root ? std::sqrt(total / divisor) : total / divisor; }
};
// NaN, once seen, stays. The compiler vectorises choices, without a branch (hence |, not ||), in a loop over
// many lanes only.
template <class T>
struct Maxima {
  using Accumulator = T;
  static constexpr T start = -std::numeric_limits<T>::infinity();
  static constexpr int lanes = 64;
  T load(T x, std::int64_t) const { return x; }
  T operator()(T a, T b) const { return ((b > a) | (b != b)) ? b : a; }
  T finish(T largest) const { return largest; }
};
template <class T>
struct Minima : Maxima<T> {
  static constexpr T start = std::numeric_limits<T>::infinity();
  T operator()(T a, T b) const { return ((b < a) | (b != b)) ? b : a; }
};

// x[0 … n), which belong to one result, folded: in independent lanes, so that the compiler vectorises it, and
// always in the same order.
template <class Fold, class T>
typename Fold::Accumulator fold_row(const T* x, std::int64_t n, std::int64_t result, const Fold& f) {
  constexpr int lanes = Fold::lanes;
  typename Fold::Accumulator lane[lanes];
  std::fill_n(lane, lanes, Fold::start);
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    for (int l = 0; l < lanes; ++l) lane[l] = f(lane[l], f.load(x[i + l], result));
  }
  for (; i < n; ++i) lane[0] = f(lane[0], f.load(x[i], result));
  for (int l = 1; l < lanes; ++l) lane[0] = f(lane[0], lane[l]);
  return lane[0];
}

// Folds `rows` rows of n elements into out[0 … n), the totals of `result` and those after it: one row after
// the other, but four at a time, so that out is read and written less often.
template <class Fold, class T>
void fold_rows(const T* x, std::int64_t rows, std::int64_t n, std::int64_t result,
               typename Fold::Accumulator* __restrict out, const Fold& f) {
  for (; rows >= 4; rows -= 4, x += 4 * n) {
    for (std::int64_t i = 0; i < n; ++i) {
      const auto at = [&](std::int64_t row) { return f.load(x[row * n + i], result + i); };
      out[i] = f(f(f(f(out[i], at(0)), at(1)), at(2)), at(3));
    }
  }
  for (; rows > 0; --rows, x += n) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = f(out[i], f.load(x[i], result + i));
  }
}

// Reduces the turns [begin, end) of the outermost loop. The elements of turn `begin` start at x, and belong
// to `result` and those after it.
template <class Fold, class T>
void reduce_part(const ReducePlan& plan, std::int64_t begin, std::int64_t end, const T* x,
                 std::int64_t result, typename Fold::Accumulator* totals, const Fold& f) {
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
      totals[result] = f(totals[result], fold_row(x, n, result, f));
    } else {
      fold_rows(x, rows, n, result, totals + result, f);
    }
    x += rows * n;
    int axis = inner - 1;
    for (; axis >= 0; --axis) {
      result += plan.strides[axis];
      if (++counter[axis] < extents[axis]) break;
      result -= plan.strides[axis] * extents[axis];
      counter[axis] = 0;
    }
    if (axis < 0) return;
  }
}

// Folds over the reduced axes. How the work is cut into parts depends on the shape alone, so that no result
// depends on the number of threads.
template <class Fold, class T, class Result>
void reduce(const ReducePlan& plan, const T* x, Result* y, const Fold& f) {
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
  internal::PoolVector<typename Fold::Accumulator> totals(
      static_cast<std::size_t>(apart ? parts * count : count), Fold::start);
  parallel_for(parts, [&](std::int64_t p) {
    const std::int64_t begin = p * part, end = std::min(outer, begin + part);
    reduce_part(plan, begin, end, x + begin * inner_size, apart ? 0 : begin * outer_stride,
                totals.data() + (apart ? p * count : 0), f);
  });
  for (std::int64_t p = 1; apart && p < parts; ++p) {
    for (std::int64_t i = 0; i < count; ++i) totals[i] = f(totals[i], totals[p * count + i]);
  }
  for (std::int64_t i = 0; i < count; ++i)
    y[i] = static_cast<Result>(f.finish(totals[static_cast<std::size_t>(i)]));
}

// The reduction `what` by the device's kernel, or on the CPU by folding.
template <template <class> class Fold>
Tensor reduce(const char* op, Reduction what, const ReducePlan& plan, const Tensor& x) {
  Tensor y = Tensor::uninitialized(op, plan.result, x.kind());
  if (const Backend* backend = backend_of(x)) {
    backend->reduce(what, plan, x, y);
  } else {
    dispatch(x.dtype(), [&]<class T>() { reduce(plan, x.data<T>(), y.mutable_data<T>(), Fold<T>()); });
  }
  return y;
}

// The sums of the squares of x, in float64, on a device.
Tensor sums_of_squares(const char* op, const Backend& backend, const ReducePlan& plan, const Tensor& x) {
  Tensor y = Tensor::uninitialized(op, plan.result, {float64, x.device()});
  backend.reduce(Reduction::sum_of_squares, plan, x, y);
  return y;
}

// The variances on a device, by kernels that it has for other ops. The mean is rounded to x's dtype; what
// that leaves is the mean of the deviations, whose square comes off.
Tensor variances_on_device(const char* op, const Backend& backend, const ReducePlan& plan, const Tensor& x,
                           std::int64_t count, double divisor) {
  const auto over = [op](const Tensor& sums, double number) {
    return map(op, sums, scalar_like(number, sums), functions::Divide());
  };
  const Tensor means = over(sum(op, plan, x), static_cast<double>(count)).view(plan.kept);
  const Tensor deviations = map(op, x, means, functions::Subtract());
  const Tensor left = internal::copied(op, sum(op, plan, deviations), {float64, x.device()});
  const Tensor total =
      map(op, sums_of_squares(op, backend, plan, deviations),
          over(map(op, left, functions::Square()), static_cast<double>(count)), functions::Subtract());
  return over(total, divisor);
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
  return reduce<Sums>(op, Reduction::sum, plan, x);
}

Tensor prod(const char* op, const ReducePlan& plan, const Tensor& x) {
  return reduce<Products>(op, Reduction::product, plan, x);
}

Tensor max(const char* op, const ReducePlan& plan, const Tensor& x) {
  return reduce<Maxima>(op, Reduction::max, plan, x);
}

Tensor min(const char* op, const ReducePlan& plan, const Tensor& x) {
  return reduce<Minima>(op, Reduction::min, plan, x);
}

Tensor norm(const char* op, const ReducePlan& plan, const Tensor& x) {
  if (const Backend* backend = backend_of(x)) {
    const Tensor squares = sums_of_squares(op, *backend, plan, x);
    return internal::copied(op, map(op, squares, functions::Sqrt()), x.kind());
  }
  return reduce<Norms>(op, Reduction::sum_of_squares, plan, x);
}

Tensor variance(const char* op, const ReducePlan& plan, const Tensor& x, double divisor, bool takes_root) {
  std::int64_t results = 1;
  for (const std::int64_t extent : plan.result) results *= extent;
  const std::int64_t count = results == 0 ? 0 : x.size() / results;
  if (const Backend* backend = backend_of(x)) {
    const Tensor y = variances_on_device(op, *backend, plan, x, count, divisor);
    return internal::copied(op, takes_root ? map(op, y, functions::Sqrt()) : y, x.kind());
  }
  Tensor y = Tensor::uninitialized(op, plan.result, x.kind());
  dispatch(x.dtype(), [&]<class T>() {
    internal::PoolVector<double> means(static_cast<std::size_t>(results));
    reduce(plan, x.data<T>(), means.data(), Sums<T>());
    for (double& mean : means) mean /= static_cast<double>(count);
    reduce(plan, x.data<T>(), y.mutable_data<T>(), Variances<T>(means.data(), divisor, takes_root));
  });
  return y;
}

}  // namespace taper::kernels
