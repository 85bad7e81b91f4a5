// silu: y = x s with s = sigmoid(x); dx = dy (s + x s (1 - s)).
#include "silu.hpp"

#include "../../core/create.hpp"
#include "../../core/record.hpp"
#include "../elementwise/add.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/sub.hpp"
#include "../elementwise/where.hpp"
#include "../kernels/elementwise/elementary.hpp"
#include "sigmoid.hpp"

namespace taper {

namespace {

// silu'(x) in one pass, recorded as an op of its own: silu''(x) = s (1 - s) (2 + x (1 - 2 s)).
Tensor slope(const Tensor& x) {
  return record("silu", kernels::map_elementary("silu", x, kernels::functions::SiluSlope()),
                vjp(x, [x](const Tensor& dy) {
                  const Tensor s = sigmoid(x), ds = s * (1.0 - s);
                  // ds vanishes faster than x grows: where it is 0, x counts as 0, so that 0 * inf is 0.
                  const Tensor near = where(ds, x, scalar_like(0, x));
                  return dy * (ds * (2.0 + near * (1.0 - 2.0 * s)));
                }));
}

}  // namespace

Tensor silu(const Tensor& x) {
  return record("silu", kernels::map_elementary("silu", x, kernels::functions::Silu()),
                vjp(x, [x](const Tensor& dy) { return dy * slope(x); }));
}

}  // namespace taper
