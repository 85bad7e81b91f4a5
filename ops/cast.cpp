// cast: the forward kernel and, beside it, the vector-Jacobian product. cast.hpp gives the formulas.
#include <taper/core/record.hpp>
#include <taper/ops/cast.hpp>
#include <taper/ops/kernels/backend.hpp>

#include <algorithm>

namespace taper {
namespace {

void convert(const Tensor& x, Tensor& y) {
  dispatch(y.dtype(), [&]<class To>() {
    dispatch(x.dtype(), [&]<class From>() {
      std::transform(x.data<From>(), x.data<From>() + x.size(), y.mutable_data<To>(),
                     [](From v) { return static_cast<To>(v); });
    });
  });
}

}  // namespace

Tensor cast(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor y = Tensor::uninitialized("cast", x.shape(), {dtype, x.device()});
  if (const kernels::Backend* backend = kernels::backend_of(x)) {
    backend->cast(x, y);
  } else {
    convert(x, y);
  }
  return record("cast", y, vjp(x, [from = x.dtype()](const Tensor& dy) { return cast(dy, from); }));
}

}  // namespace taper
