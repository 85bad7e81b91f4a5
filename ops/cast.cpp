// cast: the forward kernel and, beside it, the vector-Jacobian product. cast.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/cast.hpp>

#include <algorithm>

namespace taper {

Tensor cast(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor y = Tensor::uninitialized("cast", x.shape(), dtype);
  dispatch(dtype, [&]<class To>() {
    dispatch(x.dtype(), [&]<class From>() {
      std::transform(x.data<From>(), x.data<From>() + x.size(), y.mutable_data<To>(),
                     [](From v) { return static_cast<To>(v); });
    });
  });
  return record("cast", y, vjp(x, [from = x.dtype()](const Tensor& dy) { return cast(dy, from); }));
}

}  // namespace taper
