// batch_norm: y = gain u + bias, u = r (x - m), with m and r over a whole channel;
// dx = gain r (dy - mean(dy) - u mean(dy u)), dgain = sum(dy u), dbias = sum(dy).
#include "batch_norm.hpp"

#include "../../core/create.hpp"
#include "../../core/fail.hpp"
#include "../../core/memory/transfer.hpp"
#include "../../core/record.hpp"
#include "../elementwise/add.hpp"
#include "../elementwise/mul.hpp"
#include "../elementwise/pow.hpp"
#include "../elementwise/square.hpp"
#include "../elementwise/sub.hpp"
#include "../kernels/norm/batch_normalize.hpp"
#include "../kernels/of_cotangent.hpp"
#include "../layout/broadcast_to.hpp"
#include "../layout/reshape.hpp"
#include "../reduction/mean.hpp"
#include "../reduction/sum.hpp"

#include <memory>

namespace taper {
namespace {

// All axes but that of the channels.
Axes axes_of(const Tensor& x) {
  Shape axes = Shape::filled(x.rank() - 1, 0);
  for (int i = 1; i < axes.size(); ++i) axes[i] = i + 1;
  return Axes(axes);
}
// A number for each channel, in a shape that broadcasts to x's.
Tensor as_column(const Tensor& of_channels, const Tensor& x) {
  Shape shape = Shape::filled(x.rank(), 1);
  shape[1] = x.extent(1);
  return reshape(of_channels, shape);
}
Tensor channel_mean(const Tensor& x) { return mean(x, axes_of(x), true); }
Tensor centered(const Tensor& x) { return x - channel_mean(x); }

// What the vector-Jacobian products need. They share the sums over dy, which the first one computes.
struct Batch {
  Tensor x, gain, moments;
  double epsilon;

  std::shared_ptr<kernels::OfCotangent<Tensor>> sums = std::make_shared<kernels::OfCotangent<Tensor>>();

  const Tensor& sums_of(const Tensor& dy) const {
    return (*sums)(dy, [&] { return kernels::batch_normalize_sums(dy, x, moments); });
  }
};

// dx = gain J dy, J = r (I - 1 1^T / N - u u^T / N) for each channel. J is its own adjoint; the second
// vector-Jacobian product is layer_norm's (docs/ops/layer_norm.md).
Tensor norm_dx(const Batch& batch, const Tensor& dy) {
  const Tensor &x = batch.x, &gain = batch.gain;
  const auto with_gain = [batch](const Tensor& other) {
    return Batch{batch.x, other, batch.moments, batch.epsilon};
  };
  return record("batch_norm_dx", kernels::batch_normalize_dx(dy, x, gain, batch.moments, batch.sums_of(dy)),
                vjp(dy, [=](const Tensor& ddx) { return norm_dx(with_gain(gain), ddx); }),
                vjp(x,
                    [=, epsilon = batch.epsilon](const Tensor& ddx) {
                      const Tensor g = centered(as_column(gain, x) * dy), v = centered(ddx);
                      const Tensor c = centered(centered(x));  // as below
                      const Tensor r = pow(channel_mean(square(c)) + epsilon, -0.5);
                      const Tensor u = c * r;
                      const Tensor gu = channel_mean(g * u), vu = channel_mean(v * u);
                      return -1.0 * square(r) * (v * gu + g * vu + u * (channel_mean(g * v) - 3.0 * gu * vu));
                    }),
                vjp(gain, [=](const Tensor& ddx) {
                  return sum(ddx * norm_dx(with_gain(ones(gain.shape(), gain.kind())), dy), axes_of(x));
                }));
}

Tensor norm_dgain(const Batch& batch, const Tensor& dy) {
  return record("batch_norm_dgain", batch.sums_of(dy)[1],
                vjp(dy,
                    [x = batch.x, epsilon = batch.epsilon](const Tensor& ddgain) {
                      return batch_norm(x, ddgain, zeros(ddgain.shape(), ddgain.kind()), epsilon).y;
                    }),
                vjp(batch.x, [=](const Tensor& ddgain) {
                  return norm_dx({batch.x, ddgain, batch.moments, batch.epsilon}, dy);
                }));
}

Tensor norm_dbias(const Batch& batch, const Tensor& dy) {
  return record("batch_norm_dbias", batch.sums_of(dy)[0], vjp(dy, [x = batch.x](const Tensor& ddbias) {
                  return broadcast_to(as_column(ddbias, x), x.shape());
                }));
}

}  // namespace

BatchNormed batch_norm(const Tensor& x, const Tensor& gain, const Tensor& bias, double epsilon) {
  check_given("batch_norm", "x", x, "gain", gain, "bias", bias);
  if (x.rank() < 2) fail("batch_norm", "x must be (batch, channels, …), got shape ", x.shape());
  const std::int64_t channels = x.extent(1);
  std::int64_t count = 1;
  for (int axis = 0; axis < x.rank(); ++axis) count *= axis == 1 ? 1 : x.shape()[axis];
  if (count < 2) fail("batch_norm", "x must have two elements in each channel, got shape ", x.shape());
  for (const auto& [name, vector] : {std::pair("gain", &gain), std::pair("bias", &bias)}) {
    check_same_device("batch_norm", "x", x, name, *vector);
    if (!(vector->shape() == Shape{channels}) || vector->dtype() != x.dtype()) {
      fail("batch_norm", name, " must be ", x.dtype(), " of shape ", Shape{channels}, " for x of shape ",
           x.shape(), ", got ", vector->dtype(), " ", vector->shape());
    }
  }
  if (!(epsilon > 0)) fail("batch_norm", "epsilon must be positive, got ", epsilon);
  if (!kernels::has_batch_normalize(x)) {
    // Centered twice: the second mean is what the rounding of the first has missed.
    const Tensor c = centered(centered(x)), variance = channel_mean(square(c)), mean = channel_mean(x);
    const Tensor y = c * (pow(variance + epsilon, -0.5) * as_column(gain, x)) + as_column(bias, x);
    return {y, reshape(mean.detach(), {channels}), reshape(variance.detach(), {channels})};
  }
  const auto [y, moments, mean, variance] = kernels::batch_normalize(x, gain, bias, epsilon);
  const Batch batch{x, gain, moments, epsilon};
  return {record("batch_norm", y, vjp(x, [batch](const Tensor& dy) { return norm_dx(batch, dy); }),
                 vjp(gain, [batch](const Tensor& dy) { return norm_dgain(batch, dy); }),
                 vjp(bias, [batch](const Tensor& dy) { return norm_dbias(batch, dy); })),
          mean, variance};
}

}  // namespace taper
