// concat: the forward kernel and, beside it, the vector-Jacobian product. concat.hpp gives the formulas.
#include <taper/core/fail.hpp>
#include <taper/core/record.hpp>
#include <taper/ops/concat.hpp>
#include <taper/ops/kernels/rows.hpp>
#include <taper/ops/slice.hpp>

#include <algorithm>

namespace taper {

Tensor concat(const std::vector<Tensor>& tensors, int axis) {
  if (tensors.empty()) fail("concat", "tensors is empty: wanted at least one");
  const Tensor& first = tensors.front();
  const int joined = checked_axis("concat", "axis", axis, first.shape());
  Shape shape = first.shape();
  shape[joined] = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    Shape others = t.shape();
    if (t.rank() == first.rank()) others[joined] = first.shape()[joined];
    if (!(others == first.shape()) || t.dtype() != first.dtype()) {
      fail("concat", "tensors[", i, "] is ", t.dtype(), " ", t.shape(), ", which does not join ",
           first.dtype(), " ", first.shape(), " along axis ", axis);
    }
    shape[joined] += t.shape()[joined];
  }

  Tensor y = Tensor::uninitialized("concat", shape, first.dtype());
  std::int64_t start = 0;
  const auto stretch = [joined](std::int64_t from, std::int64_t to) {
    return [=](const Tensor& dy) { return slice(dy, joined, from, to); };
  };
  detail::PoolVector<Vjp<decltype(stretch(0, 0))>> vjps;
  for (const Tensor& t : tensors) {
    const kernels::AxisView part(t.shape(), joined), whole(shape, joined);
    const std::int64_t run = part.length * part.inner;
    dispatch(y.dtype(), [&]<class T>() {
      for (std::int64_t o = 0; o < part.outer; ++o) {
        std::copy_n(t.data<T>() + o * run, run,
                    y.mutable_data<T>() + (o * whole.length + start) * whole.inner);
      }
    });
    vjps.push_back(vjp(t, stretch(start, start + part.length)));
    start += part.length;
  }
  return record("concat", y, std::move(vjps));
}

}  // namespace taper
