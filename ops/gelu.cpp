// gelu: the forward kernel and, beside it, the vector-Jacobian product. gelu.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/exp.hpp>
#include <taper/ops/gelu.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/mul.hpp>
#include <taper/ops/square.hpp>
#include <taper/ops/sub.hpp>

#include <cmath>

namespace taper {
namespace {

constexpr double inverse_sqrt_2pi = 0.39894228040143267794;

// Phi(x) = erfc(-x / sqrt(2)) / 2, which keeps its digits where Phi is tiny.
template <class T>
T normal_distribution(T x) {
  return std::erfc(-x * static_cast<T>(0.70710678118654752440)) / 2;
}

// x weight, and 0 instead of inf * 0: both weights vanish faster than x grows.
template <class T>
T times(T x, T weight) {
  return weight == 0 ? 0 : x * weight;
}

// phi(x), in public ops: it may be differentiated for as long as anyone likes.
Tensor normal_density(const Tensor& x) { return exp(-0.5 * square(x)) * inverse_sqrt_2pi; }

// gelu'(x) = Phi(x) + x phi(x), whose own derivative is phi(x) (2 - x^2).
Tensor gelu_derivative(const Tensor& x) {
  const Tensor y = kernels::map("gelu_derivative", x, [](auto v) {
    using T = decltype(v);
    return normal_distribution(v) + times(v, std::exp(v * v / -2) * static_cast<T>(inverse_sqrt_2pi));
  });
  return record("gelu_derivative", y,
                vjp(x, [x](const Tensor& dy) { return dy * (normal_density(x) * (2.0 - square(x))); }));
}

}  // namespace

Tensor gelu(const Tensor& x) {
  return record("gelu", kernels::map("gelu", x, [](auto v) { return times(v, normal_distribution(v)); }),
                vjp(x, [x](const Tensor& dy) { return dy * gelu_derivative(x); }));
}

}  // namespace taper
