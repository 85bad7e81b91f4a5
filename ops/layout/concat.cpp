// concat: each tensor gets its stretch of dy.
#include "concat.hpp"

#include "../../core/fail.hpp"
#include "../../core/memory/transfer.hpp"
#include "../../core/record.hpp"
#include "../kernels/axis_view.hpp"
#include "../kernels/layout/copy_strided.hpp"
#include "slice.hpp"

#include <string>

namespace taper {

Tensor concat(const std::vector<Tensor>& tensors, int axis) {
  if (tensors.empty()) fail("concat", "tensors is empty: wanted at least one");
  check_given("concat", "tensors", tensors);
  const Tensor& first = tensors.front();
  const int joined = checked_axis("concat", "axis", axis, first.shape());
  Shape shape = first.shape();
  shape[joined] = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    if (t.device() != first.device()) {  // the name is made only if it is needed
      check_same_device("concat", "tensors[0]", first, ("tensors[" + std::to_string(i) + "]").c_str(), t);
    }
    Shape others = t.shape();
    if (t.rank() == first.rank()) others[joined] = first.shape()[joined];
    if (!(others == first.shape()) || t.dtype() != first.dtype()) {
      fail("concat", "tensors[", i, "] is ", t.dtype(), " ", t.shape(), ", which does not join ",
           first.dtype(), " ", first.shape(), " along axis ", axis);
    }
    shape[joined] += t.shape()[joined];
  }

  Tensor y = Tensor::uninitialized("concat", shape, first.kind());
  std::int64_t start = 0;
  const auto stretch = [joined](std::int64_t from, std::int64_t to) {
    return [=](const Tensor& dy) { return slice(dy, joined, from, to); };
  };
  internal::PoolVector<Vjp<decltype(stretch(0, 0))>> vjps;
  vjps.reserve(tensors.size());
  for (const Tensor& t : tensors) {
    const kernels::AxisView part(t.shape(), joined);
    const std::int64_t run = part.length * part.inner;
    kernels::copy_runs({.rows = part.outer,
                        .run = run,
                        .from = 0,
                        .row_of_x = run,
                        .to = start * part.inner,
                        .row_of_y = shape[joined] * part.inner},
                       t, y);
    vjps.push_back(vjp(t, stretch(start, start + part.length)));
    start += part.length;
  }
  return record("concat", y, std::move(vjps));
}

}  // namespace taper
