// Elementwise functions whose result replaces their first operand: what += and its kin are made of.
#pragma once

#include "elementwise.hpp"

namespace taper::kernels {

namespace detail {

// out[i] = f(out[i], in_1[i * s_1]), where s_1 is 0 or 1; in_0 is out.
template <class T, class F>
void run_row_in_place(const void* function, std::int64_t n, const std::byte* const* in,
                      const std::int64_t* strides, std::byte* out) {
  const F& f = *static_cast<const F*>(function);
  const T* const y = reinterpret_cast<const T*>(in[1]);
  T* const x = reinterpret_cast<T*>(out);
  if (strides[1] == 0) {
    const T value = *y;
    for (std::int64_t i = 0; i < n; ++i) x[i] = f(x[i], value);
  } else {
    for (std::int64_t i = 0; i < n; ++i) x[i] = f(x[i], y[i]);
  }
}

void map_in_place(const char* op, Tensor& a, Tensor b, const Function& function);

}  // namespace detail

// a_i = f(a_i, b_i) with b broadcast to a's shape, for the op that `op` spells, such as "+=". It counts as a
// change of a (Tensor::mutable_data). Throws if dtypes or devices differ, if b does not broadcast to a's
// shape, or if the tape that records on this thread tracks one of them: it would not see the change.
template <class F>
void map_in_place(const char* op, Tensor& a, const Tensor& b, F f) {
  detail::map_in_place(op, a, b,
                       {&f, detail::run_row_in_place<float, F>, detail::run_row_in_place<double, F>,
                        Functions::index_of<F>()});
}

}  // namespace taper::kernels
