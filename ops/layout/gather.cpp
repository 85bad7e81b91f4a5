// gather: y[i] = x[indices[i]]; dx[j] = the sum of dy[i] over the i with indices[i] = j.
#include "gather.hpp"

#include "../../core/create.hpp"
#include "../../core/fail.hpp"
#include "../../core/record.hpp"
#include "../kernels/softmax/rows.hpp"

#include <algorithm>

namespace taper {
namespace {

// Calls visit(position in y, position in x, run) for each picked run of consecutive elements, in y's order.
template <class Visit>
void for_each_pick(const Shape& x_shape, const Indices& indices, int axis, Visit visit) {
  const kernels::AxisView view(x_shape, axis);
  std::int64_t out = 0;
  for (std::int64_t o = 0; o < view.outer; ++o) {
    for (std::int64_t i = 0; i < indices.size(); ++i, out += view.inner) {
      const std::int64_t index = indices[i] < 0 ? indices[i] + view.length : indices[i];
      visit(out, (o * view.length + index) * view.inner, view.inner);
    }
  }
}

// The adjoint of gather: zeros of x's shape, to which each element of dy is added where it was picked from.
Tensor scatter_add(const Tensor& dy, const Shape& x_shape, const Indices& indices, int axis) {
  Tensor dx;
  if (const kernels::Backend* backend = kernels::backend_of(dy)) {
    dx = Tensor::uninitialized("gather_adjoint", x_shape, dy.kind());
    backend->scatter_add(kernels::AxisView(x_shape, axis), indices, dy, dx);
  } else {
    dx = zeros(x_shape, dy.kind());
    dispatch(dy.dtype(), [&]<class T>() {
      const T* from = dy.data<T>();
      T* to = dx.mutable_data<T>();
      for_each_pick(x_shape, indices, axis, [&](auto y, auto x, auto run) {
        for (std::int64_t j = 0; j < run; ++j) to[x + j] += from[y + j];
      });
    });
  }
  return record("gather_adjoint", dx,
                vjp(dy, [indices, axis](const Tensor& ddx) { return gather(ddx, indices, axis); }));
}

}  // namespace

Tensor gather(const Tensor& x, const Indices& indices, int axis) {
  detail::check_given("gather", "x", x);
  const int a = checked_axis("gather", "axis", axis, x.shape());
  const std::int64_t extent = x.shape()[a];
  for (std::int64_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < -extent || indices[i] >= extent) {
      fail("gather", "indices has ", indices[i], ", out of range for axis ", axis, " of shape ", x.shape());
    }
  }
  Shape shape = Shape::filled(x.rank() - 1 + indices.shape().size(), 0);
  auto next = std::copy_n(x.shape().begin(), a, shape.begin());
  next = std::copy(indices.shape().begin(), indices.shape().end(), next);
  std::copy(x.shape().begin() + a + 1, x.shape().end(), next);

  Tensor y = Tensor::uninitialized("gather", shape, x.kind());
  if (const kernels::Backend* backend = kernels::backend_of(x)) {
    backend->gather(kernels::AxisView(x.shape(), a), indices, x, y);
  } else {
    dispatch(x.dtype(), [&]<class T>() {
      const T* from = x.data<T>();
      T* to = y.mutable_data<T>();
      for_each_pick(x.shape(), indices, a,
                    [&](auto out, auto in, auto run) { std::copy_n(from + in, run, to + out); });
    });
  }
  return record("gather", y, vjp(x, [from = x.shape(), indices, a](const Tensor& dy) {
                  return scatter_add(dy, from, indices, a);
                }));
}

}  // namespace taper
