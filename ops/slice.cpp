// slice: the forward kernel and, beside it, the vector-Jacobian product. slice.hpp gives the formulas.
#include <taper/core/create.hpp>
#include <taper/core/fail.hpp>
#include <taper/core/record.hpp>
#include <taper/ops/kernels/rows.hpp>
#include <taper/ops/slice.hpp>

#include <algorithm>

namespace taper {
namespace {

struct Range {
  int axis;
  std::int64_t start, count, step;
};

// Calls copy(position in the slice, position in the whole, run) for each run of consecutive elements.
template <class Copy>
void for_each_run(const Shape& whole, const Range& range, Copy copy) {
  const kernels::AxisView view(whole, range.axis);
  for (std::int64_t o = 0; o < view.outer; ++o) {
    for (std::int64_t i = 0; i < range.count; ++i) {
      copy((o * range.count + i) * view.inner, (o * view.length + range.start + i * range.step) * view.inner,
           view.inner);
    }
  }
}

Tensor take(const Tensor& x, const Range& range);

// The adjoint of take: zeros of the given shape with y at the range's positions.
Tensor put(const Tensor& y, const Shape& whole, const Range& range) {
  Tensor x = zeros(whole, y.dtype());
  dispatch(y.dtype(), [&]<class T>() {
    const T* from = y.data<T>();
    T* to = x.mutable_data<T>();
    for_each_run(whole, range,
                 [&](auto part, auto all, auto run) { std::copy_n(from + part, run, to + all); });
  });
  return record("slice_adjoint", x, vjp(y, [range](const Tensor& dx) { return take(dx, range); }));
}

Tensor take(const Tensor& x, const Range& range) {
  Shape shape = x.shape();
  shape[range.axis] = range.count;
  Tensor y = Tensor::uninitialized("slice", shape, x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    const T* from = x.data<T>();
    T* to = y.mutable_data<T>();
    for_each_run(x.shape(), range,
                 [&](auto part, auto all, auto run) { std::copy_n(from + all, run, to + part); });
  });
  return record("slice", y,
                vjp(x, [whole = x.shape(), range](const Tensor& dy) { return put(dy, whole, range); }));
}

}  // namespace

Tensor slice(const Tensor& x, int axis, std::int64_t start, std::int64_t stop, std::int64_t step) {
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

}  // namespace taper
