// slice: dx = dy at the positions that were taken, 0 elsewhere.
#include "slice.hpp"

#include "../../core/create.hpp"
#include "../../core/fail.hpp"
#include "../../core/record.hpp"
#include "../kernels/axis_view.hpp"
#include "../kernels/layout/copy_strided.hpp"
#include "reshape.hpp"

#include <utility>

namespace taper {
namespace {

struct Range {
  int axis;
  std::int64_t start, count, step;
};

// The elements of the slice, and their places in the whole: the two sides of a copy.
kernels::StridedCopy plan(const Shape& whole, const Range& range) {
  const kernels::AxisView view(whole, range.axis);
  return {.extents = {view.outer, range.count, view.inner},
          .from = {range.start * view.inner, {view.length * view.inner, range.step * view.inner, 1}},
          .to = {0, {range.count * view.inner, view.inner, 1}}};
}

// take, and its two adjoints, below.
Tensor take(const Tensor& x, const Range& range);
Tensor put(const Tensor& y, const Shape& whole, const Range& range);
void add(Tensor& x, const Tensor& y, const Range& range);

struct TakeVjp {
  Shape whole;
  Range range;
  Tensor operator()(const Tensor& dy) const { return put(dy, whole, range); }
  void add_to(Tensor& total, const Tensor& dy) const { add(total, dy, range); }
};

Tensor take(const Tensor& x, const Range& range) {
  Shape shape = x.shape();
  shape[range.axis] = range.count;
  Tensor y = Tensor::uninitialized("slice", shape, x.kind());
  if (range.step == 1) {
    const kernels::AxisView view(x.shape(), range.axis);
    const std::int64_t run = range.count * view.inner;
    kernels::copy_runs({.rows = view.outer,
                        .run = run,
                        .from = range.start * view.inner,
                        .row_of_x = view.length * view.inner,
                        .to = 0,
                        .row_of_y = run},
                       x, y);
  } else {
    kernels::copy_strided(plan(x.shape(), range), x, y);
  }
  return record("slice", y, vjp(x, TakeVjp{x.shape(), range}));
}

kernels::StridedCopy plan_back(const Shape& whole, const Range& range) {
  kernels::StridedCopy copy = plan(whole, range);
  std::swap(copy.from, copy.to);
  return copy;
}

// Zeros of the given shape with y at the range's positions.
Tensor put(const Tensor& y, const Shape& whole, const Range& range) {
  Tensor x = zeros(whole, y.kind());
  kernels::copy_strided(plan_back(whole, range), y, x);
  return record("slice_vjp", x, vjp(y, [range](const Tensor& dx) { return take(dx, range); }));
}

// x += put(y, …), in place.
void add(Tensor& x, const Tensor& y, const Range& range) {
  kernels::add_strided(plan_back(x.shape(), range), y, x);
}

}  // namespace

Tensor slice(const Tensor& x, int axis, std::int64_t start, std::int64_t stop, std::int64_t step) {
  check_given("slice", "x", x);
  const int checked = checked_axis("slice", "axis", axis, x.shape());
  const std::int64_t extent = x.shape()[checked];
  const auto position = [&](const char* argument, std::int64_t value) {
    if (value < -extent || value > extent) {
      fail("slice", argument, " is out of range: got ", value, " for axis ", axis, " of shape ", x.shape());
    }
    return value < 0 ? value + extent : value;
  };
  const std::int64_t first = position("start", start), last = position("stop", stop);
  if (step < 1) fail("slice", "step must be at least 1, got ", step);
  return take(x, {checked, first, first < last ? (last - first - 1) / step + 1 : 0, step});
}

Tensor Tensor::operator[](std::int64_t i) const {
  const Shape& shape = impl("operator[]").shape;
  if (shape.empty()) fail("operator[]", "x has no axis: it is a single number, which item() reads");
  const std::int64_t extent = shape[0];
  if (i < -extent || i >= extent)
    fail("operator[]", "i is out of range: got ", i, " for axis 0 of shape ", shape);
  return reshape(take(*this, {0, i < 0 ? i + extent : i, 1, 1}), Shape(shape.data() + 1, shape.size() - 1));
}

}  // namespace taper
