// affine: y = x W + b; dx = dy W^T, dW = x^T dy, db = the sum of the rows of dy.
#include "affine.hpp"

#include "../../core/fail.hpp"
#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/product/gemm.hpp"
#include "../layout/reshape.hpp"
#include "../reduction/sum.hpp"
#include "bmm.hpp"

namespace taper {

Tensor affine(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  check_given("affine", "x", x, "weight", weight, "bias", bias);
  const bool fits = x.rank() > 0 && weight.rank() == 2 && bias.rank() == 1 &&
                    x.extent(-1) == weight.extent(0) && weight.extent(1) == bias.extent(0);
  if (!fits) {
    fail("affine", "wanted x (…, inputs), weight (inputs, outputs) and bias (outputs): x is ", x.shape(),
         ", weight ", weight.shape(), ", bias ", bias.shape());
  }
  kernels::common_kind("affine", x, weight);
  kernels::common_kind("affine", x, bias);
  Shape shape = x.shape();
  const std::int64_t inputs = weight.extent(0), outputs = weight.extent(1);
  shape[shape.size() - 1] = 1;
  const std::int64_t rows = element_count("affine", shape);
  shape[shape.size() - 1] = outputs;
  const Tensor y = kernels::gemm("affine", x.view({rows, inputs}), weight, bias).view(shape);
  return record("affine", y,
                vjp(x,
                    [=, from = x.shape()](const Tensor& dy) {
                      return reshape(mm(reshape(dy, {rows, outputs}), weight, false, true), from);
                    }),
                vjp(weight,
                    [=](const Tensor& dy) {
                      return mm(reshape(x, {rows, inputs}), reshape(dy, {rows, outputs}), true, false);
                    }),
                vjp(bias, [=](const Tensor& dy) {
                  return sum(reshape(dy, {rows, outputs}), 0);
                }));
}

}  // namespace taper
