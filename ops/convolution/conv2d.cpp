// conv2d: y = w * x is linear in x and in w, and so are dx = w *' dy and dw = x *'' dy; the vector-Jacobian
// product of each is made of the other two.
#include "conv2d.hpp"

#include "../../core/fail.hpp"
#include "../../core/record.hpp"
#include "../kernels/convolution/conv2d.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../reduction/sum.hpp"

namespace taper {
namespace {

using kernels::Convolution;

Convolution checked(const Tensor& x, const Tensor& weight, const Conv2dOptions& options) {
  if (x.rank() != 4 || weight.rank() != 4) {
    fail("conv2d",
         "wanted x (batch, inputs, height, width) and weight (outputs, inputs / groups, height, "
         "width): x is ",
         x.shape(), ", weight ", weight.shape());
  }
  kernels::common_kind("conv2d", x, weight);
  const std::int64_t groups = options.groups, inputs = x.extent(1), outputs = weight.extent(0);
  if (groups < 1 || inputs < 1 || outputs < 1 || inputs % groups != 0 || outputs % groups != 0) {
    fail("conv2d", "groups must divide the inputs and the outputs, which must be at least 1: got ", groups,
         " groups for ", inputs, " inputs and ", outputs, " outputs");
  }
  if (weight.extent(1) != inputs / groups) {
    fail("conv2d", "weight must be for ", inputs / groups, " inputs", groups > 1 ? " of each group" : "",
         ", got ", weight.shape(), " for x of shape ", x.shape());
  }
  const Convolution call{x.extent(0),
                         groups,
                         inputs / groups,
                         outputs / groups,
                         {{x.extent(2), x.extent(3)},
                          {weight.extent(2), weight.extent(3)},
                          options.stride,
                          options.padding,
                          options.dilation}};
  kernels::check_windows("conv2d", "weight", call.windows);
  return call;
}

Tensor convolve(const Convolution& call, const Tensor& x, const Tensor& weight, const Tensor* bias);
Tensor convolve_dx(const Convolution& call, const Tensor& dy, const Tensor& weight);
Tensor convolve_dweight(const Convolution& call, const Tensor& x, const Tensor& dy);

Tensor convolve(const Convolution& call, const Tensor& x, const Tensor& weight, const Tensor* bias) {
  const Tensor y = kernels::convolve("conv2d", call, x, weight, bias);
  auto of_x = vjp(x, [=](const Tensor& dy) { return convolve_dx(call, dy, weight); });
  auto of_weight = vjp(weight, [=](const Tensor& dy) { return convolve_dweight(call, x, dy); });
  if (!bias) return record("conv2d", y, std::move(of_x), std::move(of_weight));
  return record("conv2d", y, std::move(of_x), std::move(of_weight), vjp(*bias, [](const Tensor& dy) {
                  return sum(dy, {0, 2, 3});
                }));
}

Tensor convolve_dx(const Convolution& call, const Tensor& dy, const Tensor& weight) {
  return record("conv2d_dx", kernels::convolve_dx("conv2d_dx", call, dy, weight),
                vjp(dy, [=](const Tensor& ddx) { return convolve(call, ddx, weight, nullptr); }),
                vjp(weight, [=](const Tensor& ddx) { return convolve_dweight(call, ddx, dy); }));
}

Tensor convolve_dweight(const Convolution& call, const Tensor& x, const Tensor& dy) {
  return record("conv2d_dweight", kernels::convolve_dweight("conv2d_dweight", call, x, dy),
                vjp(x, [=](const Tensor& ddweight) { return convolve_dx(call, dy, ddweight); }),
                vjp(dy, [=](const Tensor& ddweight) { return convolve(call, x, ddweight, nullptr); }));
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& weight, const Conv2dOptions& options) {
  check_given("conv2d", "x", x, "weight", weight);
  return convolve(checked(x, weight, options), x, weight, nullptr);
}

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dOptions& options) {
  check_given("conv2d", "x", x, "weight", weight, "bias", bias);
  const Convolution call = checked(x, weight, options);
  kernels::common_kind("conv2d", x, bias);
  if (bias.shape() != Shape{weight.extent(0)})
    fail("conv2d", "bias must be of shape ", Shape{weight.extent(0)}, ", got ", bias.shape());
  return convolve(call, x, weight, &bias);
}

}  // namespace taper
