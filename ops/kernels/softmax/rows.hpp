// Ops that work on one row at a time (softmax and its relatives), along any axis.
#pragma once

#include "../../../core/tensor.hpp"
#include "../../../core/threads.hpp"
#include "../axis_view.hpp"
#include "../backend.hpp"

#include <algorithm>
#include <array>

namespace taper::kernels {

// Calls f(n, x_row…, out_row) for each row along `axis`, on several threads if there is enough to do. The
// rows are pointers, to float or double, to n consecutive elements: one for each input, and one for the
// result. All inputs have one shape and dtype, which the result takes.
template <class F, class... Inputs>
Tensor map_rows(const char* op, int axis, const F& f, const Tensor& first, const Inputs&... others) {
  constexpr std::size_t count = 1 + sizeof...(Inputs);
  const AxisView view(first.shape(), axis);
  Tensor result = Tensor::uninitialized(op, first.shape(), first.dtype());
  dispatch(first.dtype(), [&]<class T>() {
    const std::array<const T*, count> in{first.data<T>(), others.template data<T>()...};
    T* const out = result.mutable_data<T>();
    const std::int64_t n = view.length, rows = view.outer * view.inner;
    const auto call = [&](const std::array<const T*, count>& row, T* out_row) {
      std::apply([&](auto... x) { f(n, x..., out_row); }, row);
    };
    const std::int64_t rows_per_task = std::max<std::int64_t>(1, 32768 / std::max<std::int64_t>(1, n));
    parallel_for((rows + rows_per_task - 1) / rows_per_task, [&](std::int64_t task) {
      const std::int64_t begin = task * rows_per_task, end = std::min(begin + rows_per_task, rows);
      std::array<const T*, count> row;
      if (view.inner == 1) {
        for (std::int64_t r = begin; r < end; ++r) {
          for (std::size_t k = 0; k < count; ++k) row[k] = in[k] + r * n;
          call(row, out + r * n);
        }
        return;
      }
      // The row's elements are `inner` apart: gather them, and scatter the result.
      Tensor buffer = Tensor::uninitialized(op, {static_cast<std::int64_t>(count + 1), n}, first.dtype());
      T* const packed = buffer.mutable_data<T>();
      T* const packed_out = packed + static_cast<std::int64_t>(count) * n;
      for (std::int64_t r = begin; r < end; ++r) {
        const std::int64_t start = r / view.inner * n * view.inner + r % view.inner;
        for (std::size_t k = 0; k < count; ++k) {
          T* const to = packed + static_cast<std::int64_t>(k) * n;
          for (std::int64_t j = 0; j < n; ++j) to[j] = in[k][start + j * view.inner];
          row[k] = to;
        }
        call(row, packed_out);
        for (std::int64_t j = 0; j < n; ++j) out[start + j * view.inner] = packed_out[j];
      }
    });
  });
  return result;
}

// The same for a function of one row for which every device has a kernel: f runs on the CPU alone. alpha is
// for entmax.
template <class F>
Tensor map_rows(const char* op, RowFunction function, std::int64_t k, int axis, const F& f, const Tensor& z,
                double alpha = 0) {
  const Backend* backend = backend_of(z);
  if (!backend) return map_rows(op, axis, f, z);
  Tensor y = Tensor::uninitialized(op, z.shape(), z.kind());
  backend->map_rows(function, k, alpha, AxisView(z.shape(), axis), z, y);
  return y;
}

}  // namespace taper::kernels
