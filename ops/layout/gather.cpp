// gather: y[i] = x[indices[i]]; dx[j] = the sum of dy[i] over the i with indices[i] = j.
#include "gather.hpp"

#include "../../core/fail.hpp"
#include "../../core/record.hpp"
#include "../kernels/layout/gather.hpp"

#include <algorithm>

namespace taper {
namespace {

Tensor gather_vjp(const Tensor& dy, const Shape& x_shape, const Indices& indices, int axis) {
  return record("gather_vjp", kernels::scatter_add("gather_vjp", dy, indices, axis, x_shape),
                vjp(dy, [indices, axis](const Tensor& ddx) { return gather(ddx, indices, axis); }));
}

}  // namespace

Tensor gather(const Tensor& x, const Indices& indices, int axis) {
  check_given("gather", "x", x);
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

  return record(
      "gather", kernels::gather("gather", x, indices, a, shape),
      vjp(x, [from = x.shape(), indices, a](const Tensor& dy) { return gather_vjp(dy, from, indices, a); }));
}

}  // namespace taper
