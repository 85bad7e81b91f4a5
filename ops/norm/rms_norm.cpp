// rms_norm: y = gain u, u = r x; with g = gain dy: dx = r (g - u mean(g u)).
#include "rms_norm.hpp"

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

kernels::Normalization normalization(double epsilon) { return {"rms_norm", false, epsilon}; }

Tensor row_mean(const Tensor& x) { return mean(x, -1, true); }

// dx = J(gain dy). J = r (I - u u^T / n) is symmetric: its adjoint is itself. docs/ops/layer_norm.md derives
// the second vector-Jacobian product, that of J(g) . v with respect to x.
Tensor rms_norm_dx(const Tensor& dy, const Tensor& x, const Tensor& gain, const kernels::Moments& moments,
                   double epsilon) {
  return record("rms_norm_dx", kernels::normalize_dx(normalization(epsilon), dy, x, gain, moments),
                vjp(dy,
                    [=](const Tensor& ddx) {
                      return gain * rms_norm_dx(ddx, x, ones(gain.shape(), gain.kind()), moments, epsilon);
                    }),
                vjp(x,
                    [=](const Tensor& ddx) {
                      const Tensor g = gain * dy;
                      const Tensor r = pow(row_mean(square(x)) + epsilon, -0.5);
                      const Tensor u = x * r;
                      const Tensor gu = row_mean(g * u);
                      const Tensor vu = row_mean(ddx * u);
                      return -1.0 * square(r) * (ddx * gu + g * vu + u * (row_mean(g * ddx) - 3.0 * gu * vu));
                    }),
                vjp(gain, [=](const Tensor& ddx) {
                  return sum_to(dy * rms_norm_dx(ddx, x, ones(gain.shape(), gain.kind()), moments, epsilon),
                                gain.shape());
                }));
}

// The sum of dy u over the rows.
Tensor rms_norm_dgain(const Tensor& dy, const Tensor& x, const kernels::Moments& moments, double epsilon) {
  return record("rms_norm_dgain", kernels::normalize_dgain(normalization(epsilon), dy, x, moments),
                vjp(dy, [=](const Tensor& ddgain) { return rms_norm(x, ddgain, epsilon); }),
                vjp(x, [=](const Tensor& ddgain) { return rms_norm_dx(dy, x, ddgain, moments, epsilon); }));
}

}  // namespace

Tensor rms_norm(const Tensor& x, const Tensor& gain, double epsilon) {
  kernels::check_normalization(normalization(epsilon), x, gain, nullptr);
  const auto [y, moments] = kernels::normalize(normalization(epsilon), x, gain, nullptr);
  return record("rms_norm", y,
                vjp(x, [=, m = moments](const Tensor& dy) { return rms_norm_dx(dy, x, gain, m, epsilon); }),
                vjp(gain, [=, m = moments](const Tensor& dy) { return rms_norm_dgain(dy, x, m, epsilon); }));
}

}  // namespace taper
