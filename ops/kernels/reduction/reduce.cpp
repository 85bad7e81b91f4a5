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

namespace taper::kernels {
namespace {

// How a reduction is cut into parts, by the shape alone, so that no result depends on the number of threads. Each part
// consists of turns of the outermost loop, and of `smallest` elements at least. If that loop is itself reduced, each part
// has totals of its own for all results, which are combined at the end; they must be few compared with the elements
// that are reduced. If not, each part has results of its own.
class Parts {
 public:
  Parts(const ReducePlan& plan, std::int64_t smallest, std::int64_t smallest_for_result)
      : plan_(plan), are_apart_(plan.strides[0] == 0) {
    for (const std::int64_t extent : plan.result) results_ *= extent;
    for (int loop = 1; loop < plan.extents.size(); ++loop) turn_size_ *= plan.extents[loop];
    if (are_apart_) smallest = std::max(smallest, smallest_for_result * results_);
    const std::int64_t turns = plan.extents[0];
    turns_each_ =
        turn_size_ == 0 ? std::max<std::int64_t>(1, turns) : std::max<std::int64_t>(1, smallest / turn_size_);
    count_ = std::max<std::int64_t>(1, (turns + turns_each_ - 1) / turns_each_);
  }

  bool are_apart() const { return are_apart_; }
  std::int64_t results() const { return results_; }
  std::int64_t count() const { return count_; }

  // What part p reduces: `size` elements, `elements` of them for each of its results.
  struct Part {
    std::int64_t turns, size, first_result, results, elements;
  };
  Part part(std::int64_t p) const {
    const std::int64_t first = p * turns_each_, turns = std::min(plan_.extents[0] - first, turns_each_);
    const std::int64_t size = turns * turn_size_, stride = plan_.strides[0];
    const std::int64_t results = are_apart_ ? results_ : turns * stride;
    return {turns, size, are_apart_ ? 0 : first * stride, results, size / std::max<std::int64_t>(1, results)};
  }
  template <class T>
  void fold(std::int64_t p, const T* x, const AnyFold<T>& f, void* totals) const {
    fold_part<T>({plan_, part(p).turns, x + p * turns_each_ * turn_size_}, f, totals);
  }

 private:
  const ReducePlan& plan_;
  bool are_apart_;
  std::int64_t results_ = 1, turn_size_ = 1, turns_each_, count_;
};

template <class Total>
using Totals = internal::PoolVector<Total>;
template <class Total>
Totals<Total> totals(std::int64_t count, Total start) {
  return Totals<Total>(static_cast<std::size_t>(count), start);
}

// Folds over the reduced axes.
template <class Fold, class T>
void reduce(const ReducePlan& plan, const T* x, T* y, const Fold& f) {
  using Total = typename Fold::Accumulator;
  const Parts parts(plan, 2 * part_size, 128);
  const std::int64_t results = parts.results();
  const auto finish = [&](const Total* from, std::int64_t count, T* to) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<T>(f.finish(from[i]));
  };
  if (!parts.are_apart()) {
    return parallel_for(parts.count(), [&](std::int64_t p) {
      const Parts::Part part = parts.part(p);
      Totals<Total> own = totals<Total>(part.results, Fold::start);
      parts.fold<T>(p, x, f, own.data());
      finish(own.data(), part.results, y + part.first_result);
    });
  }
  Totals<Total> all = totals<Total>(parts.count() * results, Fold::start);
  parallel_for(parts.count(), [&](std::int64_t p) { parts.fold<T>(p, x, f, all.data() + p * results); });
  Total* const first = all.data();
  parallel_ranges(results, 1 + part_size / parts.count(), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = 1; p < parts.count(); ++p) {
      const Total* const of_part = first + p * results;
      for (std::int64_t i = begin; i < end; ++i) first[i] = f(first[i], of_part[i]);
    }
    finish(first + begin, end - begin, y + begin);
  });
}

// The mean of n elements and the sum of the squares of their distances from it, out of their moments about a center. The
// latter is not below 0 by rounding, and infinite if it is too large. The center is far from the mean if the difference of
// the squares loses digits, or they are too large.
struct Spread {
  double mean, squares;
  bool is_far;
};
Spread spread_of(const Moment& m, double center, double share) {  // share: 1 / n
  const double off = m.sum * share, excess = m.sum * off, squares = m.squares - excess;
  const bool is_too_large = std::isinf(m.squares) && std::isfinite(m.sum);
  return {center + off, is_too_large ? m.squares : std::max(squares, 0.0),
          excess > 64 * squares || is_too_large};
}

// Each part has the moments about each result's first element, and from them the spread. If one of those happens to lie far
// from the mean, they are taken once more, about the means. Two parts are combined as by Chan, Golub and LeVeque, The
// American Statistician 37 (1983).
template <class T>
void variances(const ReducePlan& plan, const T* x, T* y, double divisor, bool takes_root) {
  const Parts parts(plan, 2 * part_size, 256);
  const std::int64_t results = parts.results();
  const auto finish = [=](double squares) {
    const double variance = squares / divisor;
    return static_cast<T>(takes_root ? std::sqrt(variance) : variance);
  };
  const auto fold_spread = [&](std::int64_t p, double* means, double* squares) {
    const Parts::Part part = parts.part(p);
    const double share = 1 / static_cast<double>(std::max<std::int64_t>(1, part.elements));
    Totals<Moment> moments = totals(part.results, Moment{0, 0});
    const auto fold = [&](bool are_centers_given) {
      parts.fold<T>(p, x, Moments<T>{means, are_centers_given}, moments.data());
      bool is_any_far = false;
      for (std::int64_t i = 0; i < part.results; ++i) {
        const Spread spread = spread_of(moments.data()[i], means[i], share);
        means[i] = spread.mean;
        squares[i] = spread.squares;
        is_any_far |= spread.is_far;
      }
      return is_any_far;
    };
    if (!fold(false)) return;
    std::fill_n(moments.data(), part.results, Moment{0, 0});
    fold(true);
  };
  if (!parts.are_apart()) {
    return parallel_for(parts.count(), [&](std::int64_t p) {
      const Parts::Part part = parts.part(p);
      Totals<double> means = totals(part.results, 0.0), squares = means;
      fold_spread(p, means.data(), squares.data());
      for (std::int64_t i = 0; i < part.results; ++i) y[part.first_result + i] = finish(squares.data()[i]);
    });
  }
  Totals<double> all_means = totals(parts.count() * results, 0.0), all_squares = all_means;
  double *const mean = all_means.data(), *const square = all_squares.data();
  parallel_for(parts.count(),
               [&](std::int64_t p) { fold_spread(p, mean + p * results, square + p * results); });
  parallel_ranges(results, 1 + part_size / parts.count(), [&](std::int64_t begin, std::int64_t end) {
    auto before = static_cast<double>(parts.part(0).elements);
    for (std::int64_t p = 1; p < parts.count(); ++p) {
      const auto added = static_cast<double>(parts.part(p).elements);
      const double share = added / (before + added);
      for (std::int64_t i = begin; i < end; ++i) {
        const double difference = mean[p * results + i] - mean[i];
        mean[i] += difference * share;
        square[i] += square[p * results + i] + difference * difference * (before * share);
      }
      before += added;
    }
    for (std::int64_t i = begin; i < end; ++i) y[i] = finish(square[i]);
  });
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
