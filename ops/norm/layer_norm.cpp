// layer_norm: y = gain u + bias, u = r (x - m); with g = gain dy: dx = r (g - mean(g) - u mean(g u)).
#include "layer_norm.hpp"

#include "../../core/create.hpp"
#include "../../core/record.hpp"
#include "../elementwise/add.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/pow.hpp"
#include "../elementwise/square.hpp"
#include "../elementwise/sub.hpp"
#include "../kernels/norm/normalize.hpp"
#include "../reduction/mean.hpp"
#include "../reduction/sum.hpp"

namespace taper {
namespace {

kernels::Normalization normalization(double epsilon) { return {"layer_norm", true, epsilon}; }

Tensor row_mean(const Tensor& x) { return mean(x, -1, true); }
Tensor centered(const Tensor& x) { return x - row_mean(x); }

// dx = J(gain dy). J = r (I - 1 1^T / n - u u^T / n) is symmetric: its adjoint is itself.
// docs/ops/layer_norm.md derives the second vector-Jacobian product, that of J(g) . v with respect to x.
Tensor layer_norm_dx(const Tensor& dy, const Tensor& x, const Tensor& gain, const kernels::Moments& moments,
                     double epsilon) {
  return record("layer_norm_dx", kernels::normalize_dx(normalization(epsilon), dy, x, gain, moments),
                vjp(dy,
                    [=](const Tensor& ddx) {
                      return gain * layer_norm_dx(ddx, x, ones(gain.shape(), gain.kind()), moments, epsilon);
                    }),
                vjp(x,
                    [=](const Tensor& ddx) {
                      const Tensor g = centered(gain * dy);
                      const Tensor v = centered(ddx);
                      const Tensor r = pow(row_mean(square(centered(x))) + epsilon, -0.5);
                      const Tensor u = centered(x) * r;
                      const Tensor gu = row_mean(g * u);
                      const Tensor vu = row_mean(v * u);
                      return -1.0 * square(r) * (v * gu + g * vu + u * (row_mean(g * v) - 3.0 * gu * vu));
                    }),
                vjp(gain, [=](const Tensor& ddx) {
                  return sum_to(dy * layer_norm_dx(ddx, x, ones(gain.shape(), gain.kind()), moments, epsilon),
                                gain.shape());
                }));
}

// The sum of dy u over the rows.
Tensor layer_norm_dgain(const Tensor& dy, const Tensor& x, const kernels::Moments& moments, double epsilon) {
  return record("layer_norm_dgain", kernels::normalize_dgain(normalization(epsilon), dy, x, moments),
                vjp(dy,
                    [=](const Tensor& ddgain) {
                      return layer_norm(x, ddgain, zeros(ddgain.shape(), ddgain.kind()), epsilon);
                    }),
                vjp(x, [=](const Tensor& ddgain) { return layer_norm_dx(dy, x, ddgain, moments, epsilon); }));
}

}  // namespace

Tensor layer_norm(const Tensor& x, const Tensor& gain, const Tensor& bias, double epsilon) {
  kernels::check_normalization(normalization(epsilon), x, gain, &bias);
  const auto [y, moments] = kernels::normalize(normalization(epsilon), x, gain, &bias);
  return record("layer_norm", y,
                vjp(x, [=, m = moments](const Tensor& dy) { return layer_norm_dx(dy, x, gain, m, epsilon); }),
                vjp(gain, [=, m = moments](const Tensor& dy) { return layer_norm_dgain(dy, x, m, epsilon); }),
                vjp(bias, [shape = bias.shape()](const Tensor& dy) { return sum_to(dy, shape); }));
}

}  // namespace taper
