// Initialisation: the standard deviations of Xavier and Kaiming, and the two distributions.
#include "init.hpp"

#include "../core/fail.hpp"
#include "../ops/elementwise/mul.hpp"

#include <cmath>

namespace taper::nn::init {
namespace {

void check(const char* name, const Shape& shape, double gain) {
  if (shape.size() != 2 || shape[0] < 1 || shape[1] < 1) {
    fail(name, "shape must be (inputs, outputs), each at least 1, got ", shape);
  }
  if (!(gain > 0 && std::isfinite(gain))) fail(name, "gain must be positive and finite, got ", gain);
}

double xavier_deviation(const char* name, const Shape& shape, const XavierOptions& options) {
  check(name, shape, options.gain);
  return options.gain * std::sqrt(2 / (static_cast<double>(shape[0]) + static_cast<double>(shape[1])));
}

double kaiming_deviation(const char* name, const Shape& shape, const KaimingOptions& options) {
  check(name, shape, options.gain);
  return options.gain / std::sqrt(static_cast<double>(shape[0]));
}

Tensor uniform_of_deviation(double deviation, const Shape& shape, Generator& generator, DType dtype) {
  const double bound = std::sqrt(3.0) * deviation;
  return uniform(shape, -bound, bound, generator, dtype).requires_grad();
}

Tensor normal_of_deviation(double deviation, const Shape& shape, Generator& generator, DType dtype) {
  return (randn(shape, generator, dtype) * deviation).requires_grad();
}

}  // namespace

Tensor xavier_uniform(const Shape& shape, Generator& generator, const XavierOptions& options) {
  return uniform_of_deviation(xavier_deviation("xavier_uniform", shape, options), shape, generator,
                              options.dtype);
}

Tensor xavier_normal(const Shape& shape, Generator& generator, const XavierOptions& options) {
  return normal_of_deviation(xavier_deviation("xavier_normal", shape, options), shape, generator,
                             options.dtype);
}

Tensor kaiming_uniform(const Shape& shape, Generator& generator, const KaimingOptions& options) {
  return uniform_of_deviation(kaiming_deviation("kaiming_uniform", shape, options), shape, generator,
                              options.dtype);
}

Tensor kaiming_normal(const Shape& shape, Generator& generator, const KaimingOptions& options) {
  return normal_of_deviation(kaiming_deviation("kaiming_normal", shape, options), shape, generator,
                             options.dtype);
}

}  // namespace taper::nn::init
