// Reductions: the plan, and the CPU's loops.
#include "reduce.hpp"

#include "../../../core/create.hpp"
#include "../../../core/memory/pool.hpp"
#include "../../../core/memory/transfer.hpp"
#include "../../../core/threads.hpp"
#include "../elementwise/elementwise.hpp"
#include "../elementwise/functions.hpp"
#include "folds.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace taper::kernels {
namespace {

// How a reduction is cut into parts, one task each: by the shape alone, so that no result depends on the number of
// threads. Each part consists of turns of the outermost loop. If that loop is itself reduced, each part has totals of
// its own, which are combined at the end; they must be few compared with the elements that are reduced.
class Parts {
 public:
  explicit Parts(const ReducePlan& plan) : plan_(plan), are_apart_(plan.strides[0] == 0) {
    for (const std::int64_t extent : plan.result) results_ *= extent;
    for (int loop = 1; loop < plan.extents.size(); ++loop) turn_size_ *= plan.extents[loop];
    const std::int64_t smallest = std::max(2 * part_size, are_apart_ ? 32 * results_ : 0),
                       turns = plan.extents[0];
    turns_each_ =
        turn_size_ == 0 ? std::max<std::int64_t>(1, turns) : std::max<std::int64_t>(1, smallest / turn_size_);
    count_ = std::max<std::int64_t>(1, (turns + turns_each_ - 1) / turns_each_);
  }

  std::int64_t results() const { return results_; }
  std::size_t totals() const { return static_cast<std::size_t>(are_apart_ ? count_ * results_ : results_); }
  // How many parts there are with totals of their own for every result.
  std::int64_t sets_of_totals() const { return are_apart_ ? count_ : 1; }

  // The totals of part p: places begin … end - 1 among all totals, each of `elements` elements.
  struct Range {
    std::int64_t begin, end, elements;
  };
  Range range(std::int64_t p) const {
    const std::int64_t turns = std::min(plan_.extents[0], (p + 1) * turns_each_) - p * turns_each_;
    if (are_apart_)
      return {p * results_, (p + 1) * results_, turns * turn_size_ / std::max<std::int64_t>(1, results_)};
    const std::int64_t stride = plan_.strides[0], begin = p * turns_each_ * stride;
    return {begin, begin + turns * stride, turn_size_ / std::max<std::int64_t>(1, stride)};
  }

  template <class Body>
  void for_each(const Body& body) const {
    parallel_for(count_, body);
  }
  template <class T>
  void fold(std::int64_t p, const T* x, const AnyFold<T>& f, void* totals, std::size_t size_of_total) const {
    const std::int64_t begin = p * turns_each_, end = std::min(plan_.extents[0], begin + turns_each_);
    const std::int64_t first = are_apart_ ? p * results_ : 0,
                       result = are_apart_ ? 0 : begin * plan_.strides[0];
    fold_part<T>({plan_, begin, end, x + begin * turn_size_, result}, f,
                 static_cast<std::byte*>(totals) + static_cast<std::size_t>(first) * size_of_total);
  }

 private:
  const ReducePlan& plan_;
  bool are_apart_;
  std::int64_t results_ = 1, turn_size_ = 1, turns_each_, count_;
};

// Folds over the reduced axes.
template <class Fold, class T>
void reduce(const ReducePlan& plan, const T* x, T* y, const Fold& f) {
  const Parts parts(plan);
  internal::PoolVector<typename Fold::Accumulator> totals(parts.totals(), Fold::start);
  parts.for_each([&](std::int64_t p) { parts.fold<T>(p, x, f, totals.data(), sizeof totals[0]); });
  const std::int64_t results = parts.results();
  for (std::int64_t p = 1; p < parts.sets_of_totals(); ++p) {
    for (std::int64_t i = 0; i < results; ++i) totals[i] = f(totals[i], totals[p * results + i]);
  }
  for (std::int64_t i = 0; i < results; ++i)
    y[i] = static_cast<T>(f.finish(totals[static_cast<std::size_t>(i)]));
}

// Each part's mean comes first and then the squares of the distances from it, while the part lies in the cache. Two
// parts are combined as by Chan, Golub and LeVeque, The American Statistician 37 (1983).
template <class T>
void variances(const ReducePlan& plan, const T* x, T* y, double divisor, bool takes_root) {
  const Parts parts(plan);
  internal::PoolVector<double> means(parts.totals(), 0), squares(parts.totals(), 0);
  parts.for_each([&](std::int64_t p) {
    const Parts::Range range = parts.range(p);
    parts.fold<T>(p, x, Sums<T>(), means.data(), sizeof means[0]);
    for (std::int64_t i = range.begin; i < range.end; ++i) means[i] /= static_cast<double>(range.elements);
    const bool are_apart = parts.sets_of_totals() > 1;
    parts.fold<T>(p, x, Deviations<T>(means.data() + (are_apart ? range.begin : 0)), squares.data(),
                  sizeof squares[0]);
  });
  const std::int64_t results = parts.results();
  double before = static_cast<double>(parts.range(0).elements);
  for (std::int64_t p = 1; p < parts.sets_of_totals(); ++p) {
    const Parts::Range range = parts.range(p);
    const double added = static_cast<double>(range.elements), share = added / (before + added);
    for (std::int64_t i = 0; i < results; ++i) {
      const double difference = means[range.begin + i] - means[i];
      means[i] += difference * share;
      squares[i] += squares[range.begin + i] + difference * difference * (before * share);
    }
    before += added;
  }
  for (std::int64_t i = 0; i < results; ++i) {
    const double variance = squares[i] / divisor;
    y[i] = static_cast<T>(takes_root ? std::sqrt(variance) : variance);
  }
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
  if (const Backend* backend = backend_of(x)) {
    std::int64_t results = 1;
    for (const std::int64_t extent : plan.result) results *= extent;
    const Tensor y =
        variances_on_device(op, *backend, plan, x, results == 0 ? 0 : x.size() / results, divisor);
    return internal::copied(op, takes_root ? map(op, y, functions::Sqrt()) : y, x.kind());
  }
  Tensor y = Tensor::uninitialized(op, plan.result, x.kind());
  dispatch(x.dtype(),
           [&]<class T>() { variances(plan, x.data<T>(), y.mutable_data<T>(), divisor, takes_root); });
  return y;
}

}  // namespace taper::kernels
