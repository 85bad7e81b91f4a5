// LayerNorm and RmsNorm: initialisation, and the calls of the ops.
#include "norms.hpp"

#include "../../core/create.hpp"
#include "../../core/fail.hpp"
#include "../../ops/norm/layer_norm.hpp"
#include "../../ops/norm/rms_norm.hpp"

namespace taper::nn {
namespace {

Tensor parameter(const char* name, std::int64_t width, double value, DType dtype) {
  if (width < 1) fail(name, "width must be at least 1, got ", width);
  return full({width}, value, dtype).requires_grad();
}

}  // namespace

LayerNorm::LayerNorm(std::int64_t width, const LayerNormOptions& options)
    : gain(parameter("LayerNorm", width, 1, options.dtype)),
      bias(parameter("LayerNorm", width, 0, options.dtype)),
      epsilon_(options.epsilon) {}

Tensor LayerNorm::operator()(const Tensor& x) const {
  const Scope scope = Scope::outermost("LayerNorm");
  return layer_norm(x, gain, bias, epsilon_);
}

void LayerNorm::list(Parts& parts) const {
  parts.add("gain", gain);
  parts.add("bias", bias);
}

RmsNorm::RmsNorm(std::int64_t width, const RmsNormOptions& options)
    : gain(parameter("RmsNorm", width, 1, options.dtype)), epsilon_(options.epsilon) {}

Tensor RmsNorm::operator()(const Tensor& x) const {
  const Scope scope = Scope::outermost("RmsNorm");
  return rms_norm(x, gain, epsilon_);
}

void RmsNorm::list(Parts& parts) const { parts.add("gain", gain); }

}  // namespace taper::nn
