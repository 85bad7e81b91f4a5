// Ops that work on one row at a time (softmax and its relatives), along any axis.
#pragma once

#include <taper/core/tensor.hpp>

#include <algorithm>
#include <array>

namespace taper::kernels {

// A tensor seen as (outer, length, inner), where `length` is the extent of one axis.
struct AxisView {
  AxisView(const Shape& shape, int axis) : length(shape[axis]) {
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    for (int i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
  }
  std::int64_t outer = 1;
  std::int64_t length;
  std::int64_t inner = 1;
};

// Calls f(n, x_row…, out_row) for each row along `axis`: pointers to n consecutive elements, one for each
// input and the result. The inputs have one shape and dtype, which the result takes. f is called with float
// or double pointers.
template <class F, class... Inputs>
Tensor map_rows(const char* op, int axis, F f, const Tensor& first, const Inputs&... others) {
  constexpr std::size_t count = 1 + sizeof...(Inputs);
  const AxisView view(first.shape(), axis);
  Tensor result = Tensor::uninitialized(op, first.shape(), first.dtype());
  dispatch(first.dtype(), [&]<class T>() {
    const std::array<const T*, count> in{first.data<T>(), others.template data<T>()...};
    T* out = result.mutable_data<T>();
    const std::int64_t n = view.length;
    const auto call = [&](const std::array<const T*, count>& rows, T* out_row) {
      std::apply([&](auto... row) { f(n, row..., out_row); }, rows);
    };
    if (view.inner == 1) {
      for (std::int64_t row = 0; row < view.outer; ++row) {
        std::array<const T*, count> rows;
        for (std::size_t k = 0; k < count; ++k) rows[k] = in[k] + row * n;
        call(rows, out + row * n);
      }
      return;
    }
    // The row's elements are `inner` apart: gather them, and scatter the result.
    Tensor buffer = Tensor::uninitialized(op, {static_cast<std::int64_t>(count + 1), n}, first.dtype());
    T* packed = buffer.mutable_data<T>();
    std::array<const T*, count> rows;
    for (std::size_t k = 0; k < count; ++k) rows[k] = packed + static_cast<std::int64_t>(k) * n;
    T* packed_out = packed + static_cast<std::int64_t>(count) * n;
    for (std::int64_t o = 0; o < view.outer; ++o) {
      for (std::int64_t i = 0; i < view.inner; ++i) {
        const std::int64_t start = o * n * view.inner + i;
        for (std::size_t k = 0; k < count; ++k) {
          T* row = packed + static_cast<std::int64_t>(k) * n;
          for (std::int64_t j = 0; j < n; ++j) row[j] = in[k][start + j * view.inner];
        }
        call(rows, packed_out);
        for (std::int64_t j = 0; j < n; ++j) out[start + j * view.inner] = packed_out[j];
      }
    }
  });
  return result;
}

}  // namespace taper::kernels
