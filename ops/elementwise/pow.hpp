// pow: powers, element by element.
#pragma once

#include "../../core/create.hpp"

namespace taper {

// y = x^p. dx = dy p x^(p-1), dp = dy y log x, each summed over the axes it was broadcast along; 0 instead of
// the 0 * inf of the formula at x = 0 with p = 0 (dx) and at x = 0 with p >= 0 (dp). A negative x with a
// fractional p gives NaN. float32 or float64, both the same; shapes broadcast as in NumPy. Throws if dtypes
// differ or shapes do not broadcast.
Tensor pow(const Tensor& x, const Tensor& p);
inline Tensor pow(const Tensor& x, double p) { return pow(x, scalar_like(p, check_given("pow", "x", x))); }

}  // namespace taper
