// Picking elements along an axis: the CPU's loops.
#include "gather.hpp"

#include "../../../core/create.hpp"
#include "../axis_view.hpp"

#include <algorithm>

namespace taper::kernels {
namespace {

// Calls visit(position in y, position in x, run) for each picked run of consecutive elements, in y's order.
template <class Visit>
void for_each_pick(const AxisView& view, const Indices& indices, Visit visit) {
  std::int64_t out = 0;
  for (std::int64_t o = 0; o < view.outer; ++o) {
    for (std::int64_t i = 0; i < indices.size(); ++i, out += view.inner) {
      const std::int64_t index = indices[i] < 0 ? indices[i] + view.length : indices[i];
      visit(out, (o * view.length + index) * view.inner, view.inner);
    }
  }
}

}  // namespace

Tensor gather(const char* op, const Tensor& x, const Indices& indices, int axis, const Shape& shape) {
  const AxisView view(x.shape(), axis);
  Tensor y = Tensor::uninitialized(op, shape, x.kind());
  if (const Backend* backend = backend_of(x)) {
    backend->gather(view, indices, x, y);
    return y;
  }
  dispatch(x.dtype(), [&]<class T>() {
    const T* from = x.data<T>();
    T* to = y.mutable_data<T>();
    for_each_pick(view, indices, [&](auto out, auto in, auto run) { std::copy_n(from + in, run, to + out); });
  });
  return y;
}

Tensor scatter_add(const char* op, const Tensor& dy, const Indices& indices, int axis, const Shape& x_shape) {
  const AxisView view(x_shape, axis);
  if (const Backend* backend = backend_of(dy)) {
    Tensor dx = Tensor::uninitialized(op, x_shape, dy.kind());
    backend->scatter_add(view, indices, dy, dx);
    return dx;
  }
  Tensor dx = zeros(x_shape, dy.kind());
  dispatch(dy.dtype(), [&]<class T>() {
    const T* from = dy.data<T>();
    T* to = dx.mutable_data<T>();
    for_each_pick(view, indices, [&](auto out, auto in, auto run) {
      for (std::int64_t j = 0; j < run; ++j) to[in + j] += from[out + j];
    });
  });
  return dx;
}

}  // namespace taper::kernels
