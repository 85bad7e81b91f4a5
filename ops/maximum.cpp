// maximum: the forward kernel and, beside it, the vector-Jacobian product. maximum.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/kernels/elementwise.hpp>
#include <taper/ops/maximum.hpp>
#include <taper/ops/mul.hpp>
#include <taper/ops/sum.hpp>

namespace taper {

namespace {
// The weight of the first argument: 1 where it is the larger, 1/2 at a tie, 0 where it is the smaller, else
// NaN.
Tensor share_of_first(const Tensor& a, const Tensor& b) {
  return kernels::map("maximum", a, b, [](auto x, auto y) {
    using T = decltype(x);
    return x > y ? T(1) : x < y ? T(0) : x == y ? T(0.5) : x + y;
  });
}
}  // namespace

Tensor maximum(const Tensor& a, const Tensor& b) {
  const Tensor y = kernels::map("maximum", a, b, [](auto x, auto z) { return x > z || x != x ? x : z; });
  return record(
      "maximum", y,
      vjp(a, [a, b, to_a = SumTo(a, y)](const Tensor& dy) { return to_a(dy * share_of_first(a, b)); }),
      vjp(b, [a, b, to_b = SumTo(b, y)](const Tensor& dy) { return to_b(dy * share_of_first(b, a)); }));
}

}  // namespace taper
