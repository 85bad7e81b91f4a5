// gradcheck for functions of xtensor arrays with a hand-written vector-Jacobian product. It stands apart from
// gradcheck.hpp because xtensor's headers cost two seconds a file.
#pragma once

#include "../fail.hpp"
#include "../record.hpp"
#include "../xtensor.hpp"
#include "gradcheck.hpp"

#include <functional>

namespace taper {

// Checks product(x, dy) = dy^T df/dx, which has to have x's shape, for y = f(x):
//
//   gradcheck([](const xt::xarray<double>& x) -> xt::xarray<double> { return xt::sin(x); },
//             [](const xt::xarray<double>& x, const xt::xarray<double>& dy) -> xt::xarray<double> {
//               return dy * xt::cos(x);
//             },
//             xt::xarray<double>{{1, 2}, {3, 4}});
//
// A product of another shape is an Error that names both.
inline GradcheckReport gradcheck(
    const std::function<xt::xarray<double>(const xt::xarray<double>&)>& f,
    const std::function<xt::xarray<double>(const xt::xarray<double>&, const xt::xarray<double>&)>& product,
    const xt::xarray<double>& x, const GradcheckOptions& options = {}) {
  const auto array = [](const Tensor& tensor) { return xt::xarray<double>(as_xtensor<double>(tensor)); };
  const Function as_op = [&](const Tensor& input) {
    return record("f", from_xtensor(f(array(input))), vjp(input, [&, input](const Tensor& dy) {
                    return from_xtensor(product(array(input), array(dy)));
                  }));
  };
  GradcheckOptions named = options;
  if (named.names.empty()) named.names = {"x"};
  return gradcheck(as_op, from_xtensor(x), named);
}

}  // namespace taper
