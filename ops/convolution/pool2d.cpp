// max_pool2d: dx = dy at the largest element of each window. avg_pool2d: dx = dy / n all over it.
#include "pool2d.hpp"

#include "../../core/fail.hpp"
#include "../../core/record.hpp"
#include "../kernels/convolution/pool2d.hpp"

namespace taper {
namespace {

using kernels::Pooling;

Pooling checked(const char* op, const Tensor& x, const Size2d& size, const Pool2dOptions& options) {
  check_given(op, "x", x);
  if (x.rank() < 2) fail(op, "x must be of shape (…, height, width), got ", x.shape());
  const Size2d stride = options.stride == Size2d(0) ? size : options.stride;
  const kernels::Windows windows{{x.extent(-2), x.extent(-1)}, size, stride, options.padding};
  kernels::check_windows(op, "size", windows);
  if (2 * options.padding.height > size.height || 2 * options.padding.width > size.width)
    fail(op, "padding must be at most half of the size, ", size, ", got ", options.padding);
  return {x.size() / windows.picture.area(), windows};
}

Tensor pick(const Pooling& call, const Tensor& x, const Tensor& z);

// Both are linear in what they move, and do not change with x.
Tensor spread(const Pooling& call, const Tensor& x, const Tensor& dy) {
  return record("max_pool2d_vjp", kernels::spread_to_largest("max_pool2d_vjp", call, x, dy),
                vjp(dy, [=](const Tensor& ddx) { return pick(call, x, ddx); }));
}
Tensor pick(const Pooling& call, const Tensor& x, const Tensor& z) {
  return record("max_pool2d_pick", kernels::pick_largest("max_pool2d_pick", call, x, z),
                vjp(z, [=](const Tensor& dy) { return spread(call, x, dy); }));
}

Tensor average(const Pooling& call, const Tensor& x) {
  return record("avg_pool2d", kernels::average_windows("avg_pool2d", call, x),
                vjp(x, [call, shape = x.shape()](const Tensor& dy) {
                  return record("avg_pool2d_vjp", kernels::spread_evenly("avg_pool2d_vjp", call, dy, shape),
                                vjp(dy, [call](const Tensor& ddx) { return average(call, ddx); }));
                }));
}

}  // namespace

Tensor max_pool2d(const Tensor& x, const Size2d& size, const Pool2dOptions& options) {
  const Pooling call = checked("max_pool2d", x, size, options);
  return record("max_pool2d", kernels::pick_largest("max_pool2d", call, x, x),
                vjp(x, [=](const Tensor& dy) { return spread(call, x, dy); }));
}

Tensor avg_pool2d(const Tensor& x, const Size2d& size, const Pool2dOptions& options) {
  return average(checked("avg_pool2d", x, size, options), x);
}

}  // namespace taper
