// pow: y = x^p; dx = dy p x^(p-1), dp = dy x^p log x.
#include "pow.hpp"

#include "../../core/create.hpp"
#include "../../core/record.hpp"
#include "../kernels/elementwise/elementwise.hpp"
#include "../kernels/elementwise/functions.hpp"
#include "../reduction/sum.hpp"
#include "add.hpp"
#include "log.hpp"
#include "mul.hpp"
#include "sub.hpp"
#include "where.hpp"

#include <vector>

namespace taper {
namespace {

// a b, but 0 for 0 * inf.
Tensor times(const Tensor& a, const Tensor& b) {
  return kernels::map("pow", a, b, kernels::functions::MultiplyToZero());
}

// The k-th derivative by x and j-th by p of x^p, divided by x^(p-k): the sum over i of binom(j, i) f_i log^(j-i) x,
// where f_i is the i-th derivative of f(p) = p (p-1) … (p-k+1).
Tensor factor_of_derivative(const Tensor& x, const Tensor& p, int k, int j) {
  const Tensor logarithm = j > 0 ? log(x) : Tensor();
  if (k == 0) {
    Tensor power = logarithm;
    for (int i = 1; i < j; ++i) power = times(power, logarithm);
    return power;
  }
  std::vector<Tensor> f(static_cast<std::size_t>(j) + 2);  // f_0 … f_j; an empty handle is 0
  f[0] = p, f[1] = scalar_like(1, p);
  for (int m = 1; m < k; ++m) {
    const Tensor next = p - static_cast<double>(m);
    for (std::size_t i = f.size() - 1; i > 0; --i) {  // (f (p - m))_i = f_i (p - m) + i f_(i-1)
      if (f[i - 1]) f[i] = (f[i] ? f[i] * next : zeros_like(p)) + static_cast<double>(i) * f[i - 1];
    }
    f[0] = f[0] * next;
  }
  Tensor sum = f[0];
  double binomial = 1;
  for (int i = 1; i <= j; ++i) {
    binomial *= static_cast<double>(j - i + 1) / i;
    sum = times(sum, logarithm);
    if (const Tensor& coefficient = f[static_cast<std::size_t>(i)]) sum = sum + binomial * coefficient;
  }
  return sum;
}

Tensor derivative_by_exponent(const Tensor& x, const Tensor& p, int k, const Tensor& power);

// The k-th derivative by x and j-th by p of x^p, given x^(p-k). It is recorded as an op of its own, whose derivatives
// are the next ones: none is a sum in which 0 meets an infinity, and their order makes no difference.
Tensor derivative(const Tensor& x, const Tensor& p, int k, int j, const Tensor& power) {
  const Tensor y = times(factor_of_derivative(x.detach(), p.detach(), k, j), power);
  return record("pow", y,
                vjp(x,
                    [=, to_x = SumTo(x, y)](const Tensor& dy) {
                      const Tensor lower =
                          kernels::map("pow", x, p.detach() - (k + 1.0), kernels::functions::Power());
                      return to_x(dy * derivative(x, p, k + 1, j, lower));
                    }),
                vjp(p, [=, to_p = SumTo(p, y)](const Tensor& dy) {
                  return to_p(dy * (j == 0 ? derivative_by_exponent(x, p, k, power)
                                           : derivative(x, p, k, j + 1, power)));
                }));
}

// The first derivative by p of the k-th by x. At x = 0, p >= 0 it is 0 by convention, and so is all that is derived
// from it: x counts as a constant 1, and x^(p-k) as 0.
Tensor derivative_by_exponent(const Tensor& x, const Tensor& p, int k, const Tensor& power) {
  const Tensor is_constant = kernels::map("pow", x, p, kernels::functions::IgnoresExponent());
  return derivative(where(is_constant, scalar_like(1, x), x), p, k, 1,
                    where(is_constant, scalar_like(0, power), power));
}

}  // namespace

Tensor pow(const Tensor& x, const Tensor& p) {
  check_given("pow", "x", x, "p", p);
  const Tensor y = kernels::map("pow", x, p, kernels::functions::Power());
  return record("pow", y,
                vjp(x,
                    [x, p, to_x = SumTo(x, y)](const Tensor& dy) {
                      const Tensor power =
                          kernels::map("pow", x, p.detach() - 1.0, kernels::functions::Power());
                      return to_x(dy * derivative(x, p, 1, 0, power));
                    }),
                vjp(p, [x, p, y, to_p = SumTo(p, y)](const Tensor& dy) {
                  return to_p(dy * derivative_by_exponent(x, p, 0, y.detach()));
                }));
}

}  // namespace taper
