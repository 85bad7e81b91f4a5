// The bridge to xtensor: a tensor from any xtensor expression, and a tensor seen as an xtensor adaptor
// without a copy. Its headers cost two seconds a file, so this one stands apart from taper.hpp. Include it
// before any xtensor header.
#pragma once

#include <cstddef>
#include <exception>  // for xtl 0.7, which calls std::terminate
#include <vector>

// From 0.26 on the headers lie in folders. Those are looked for first: an older xtensor may lie behind the one in
// use, in /usr/include.
#if __has_include(<xtensor/core/xexpression_traits.hpp>)
#include <xtensor/core/xexpression_traits.hpp>
#else
#include <xtensor/xexpression_traits.hpp>
#endif

// xtensor 0.24 guards this specialisation with __cplusplus == 201703L. Without it g++ in C++20 takes the
// shape of a dynamic-rank array, svector<size_t, 4, A, true>, for a fixed rank of 4, and results are
// truncated or crash.
#if defined(__GNUC__) && !defined(__clang__) && __cplusplus > 201703L && XTENSOR_VERSION_MAJOR == 0 && \
    XTENSOR_VERSION_MINOR < 25
namespace xt::detail {
template <template <class, std::size_t, class, bool> class S, class X, std::size_t N, class A, bool Init>
struct xtype_for_shape<S<X, N, A, Init>> {
  template <class T, layout_type L>
  using type = xarray<T, L>;
};
}  // namespace xt::detail
#endif

#if __has_include(<xtensor/containers/xadapt.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xarray.hpp>
#include <xtensor/core/xnoalias.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xnoalias.hpp>
#endif

#include "tensor.hpp"

namespace taper {

namespace internal {
inline std::vector<std::size_t> xtensor_shape(const Tensor& tensor) {
  return {tensor.shape().begin(), tensor.shape().end()};
}
}  // namespace internal

// A tensor with the elements of any xtensor expression: xarray, xtensor, a view, a lazy sum. dtype defaults
// to float32 for an expression of float, to float64 for every other.
template <class Expression>
Tensor from_xtensor(const xt::xexpression<Expression>& expression,
                    DType dtype = dtype_of<typename Expression::value_type>) {
  const Expression& source = expression.derived_cast();
  Shape shape = Shape::filled(static_cast<int>(source.dimension()), 0);
  for (int axis = 0; axis < shape.size(); ++axis) {
    shape[axis] = static_cast<std::int64_t>(source.shape()[static_cast<std::size_t>(axis)]);
  }
  Tensor result = Tensor::uninitialized("from_xtensor", shape, dtype);
  dispatch(dtype, [&]<class T>() {
    T* out = result.mutable_data<T>();
    if (result.size() != 0) {  // iterating an empty expression may step out of it
      for (auto it = source.template begin<xt::layout_type::row_major>(), end = it + result.size(); it != end;
           ++it) {
        *out++ = static_cast<T>(*it);
      }
    }
  });
  return result;
}

// The tensor's elements as an xtensor adaptor. Nothing is copied: the tensor must outlive the adaptor, and
// writing to the adaptor of a mutable tensor writes to the tensor (see Tensor::mutable_data). T is float or
// double; throws if the tensor's dtype is another.
template <class T>
auto as_xtensor(Tensor& tensor) {
  check_given("as_xtensor", "tensor", tensor);
  return xt::adapt<xt::layout_type::row_major>(tensor.mutable_data<T>(),
                                               static_cast<std::size_t>(tensor.size()), xt::no_ownership(),
                                               internal::xtensor_shape(tensor));
}
template <class T>
auto as_xtensor(const Tensor& tensor) {
  check_given("as_xtensor", "tensor", tensor);
  return xt::adapt<xt::layout_type::row_major>(tensor.data<T>(), static_cast<std::size_t>(tensor.size()),
                                               xt::no_ownership(), internal::xtensor_shape(tensor));
}

}  // namespace taper
