// layer_norm: y = gain u + bias, u = r (x - m); with g = gain dy: dx = r (g - mean(g) - u mean(g u)).
// rms_norm goes the same way, but has no m, no mean(g) and no bias.
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

#include <utility>

namespace taper {
namespace {

using kernels::Moments, kernels::Normalization;

Tensor row_mean(const Tensor& x) { return mean(x, -1, true); }

// dx = J(gain dy). J = r (I - 1 1^T / n - u u^T / n), in rms_norm r (I - u u^T / n), is symmetric and so its
// own adjoint. docs/ops/layer_norm.md derives the second vector-Jacobian product, that of J(g) . v with
// respect to x.
Tensor norm_dx(const Normalization& which, const Tensor& dy, const Tensor& x, const Tensor& gain,
               const Moments& moments) {
  const auto dx_for_gain_1 = [=](const Tensor& ddx) {
    return norm_dx(which, ddx, x, ones(gain.shape(), gain.kind()), moments);
  };
  return record(
      which.centers ? "layer_norm_dx" : "rms_norm_dx", kernels::normalize_dx(which, dy, x, gain, moments),
      vjp(dy, [=](const Tensor& ddx) { return gain * dx_for_gain_1(ddx); }),
      vjp(x,
          [=](const Tensor& ddx) {
            const auto centered = [&](const Tensor& t) { return which.centers ? t - row_mean(t) : t; };
            const Tensor g = centered(gain * dy);
            const Tensor v = centered(ddx);
            const Tensor c =
                centered(centered(x));  // the second mean is what the rounding of the first has missed
            const Tensor r = pow(row_mean(square(c)) + which.epsilon, -0.5);
            const Tensor u = c * r;
            const Tensor gu = row_mean(g * u);
            const Tensor vu = row_mean(v * u);
            return -1.0 * square(r) * (v * gu + g * vu + u * (row_mean(g * v) - 3.0 * gu * vu));
          }),
      vjp(gain, [=](const Tensor& ddx) { return sum_to(dy * dx_for_gain_1(ddx), gain.shape()); }));
}

// The sum of dy u over the rows.
Tensor norm_dgain(const Normalization& which, const Tensor& dy, const Tensor& x, const Moments& moments) {
  return record(which.centers ? "layer_norm_dgain" : "rms_norm_dgain",
                kernels::normalize_dgain(which, dy, x, moments),
                vjp(dy,
                    [=](const Tensor& ddgain) {
                      return internal::normalize_rows(which.centers, x, ddgain, nullptr, which.epsilon);
                    }),
                vjp(x, [=](const Tensor& ddgain) { return norm_dx(which, dy, x, ddgain, moments); }));
}

}  // namespace

Tensor internal::normalize_rows(bool centers, const Tensor& x, const Tensor& gain, const Tensor* bias,
                                double epsilon) {
  const Normalization which{centers ? "layer_norm" : "rms_norm", centers, epsilon};
  kernels::check_normalization(which, x, gain, bias);
  const auto [y, moments] = kernels::normalize(which, x, gain, bias);
  auto of_x = vjp(x, [=, m = moments](const Tensor& dy) { return norm_dx(which, dy, x, gain, m); });
  auto of_gain = vjp(gain, [=, m = moments](const Tensor& dy) { return norm_dgain(which, dy, x, m); });
  if (!bias) return record(which.op, y, std::move(of_x), std::move(of_gain));
  return record(which.op, y, std::move(of_x), std::move(of_gain),
                vjp(*bias, [shape = bias->shape()](const Tensor& dy) { return sum_to(dy, shape); }));
}

Tensor layer_norm(const Tensor& x, const Tensor& gain, const Tensor& bias, double epsilon) {
  return internal::normalize_rows(true, x, gain, &bias, epsilon);
}

}  // namespace taper
