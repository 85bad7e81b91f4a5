// Elementwise loops with NumPy's broadcasting: what every elementwise op is made of, a program's own op too.
// Of ops/kernels only this header and functions.hpp are installed, so that it includes nothing of what the
// other kernels need.
#pragma once

#include "../../../core/tensor.hpp"
#include "functions.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

namespace taper::kernels {

// The dtype and device that a and b have in common. Throws, naming both, if they differ or if one is an
// empty handle.
Kind common_kind(const char* op, const Tensor& a, const Tensor& b);

// How to walk several operands that broadcast to one shape: a loop nest as shallow as the shapes allow. Two
// neighbouring axes become one loop if every operand lies in memory as if they were one axis.
template <std::size_t N>
struct BroadcastPlan {
  Shape result;                  // the shape of the result
  Shape extents;                 // of the loops, outermost first
  std::array<Shape, N> strides;  // of each operand in each loop, in elements; 0 where it is broadcast
};

// The plan for N operands of these shapes, 1 to 3, which must broadcast together with `result`. The default
// `result` asks for nothing, so that the operands alone count.
template <std::size_t N>
BroadcastPlan<N> plan_broadcast(const char* op, const std::array<const Shape*, N>& shapes,
                                const Shape& result = {});

namespace detail {

// An elementwise function without its type: itself, its loop over a row of n elements for each dtype, and its
// place in Functions. All that is compiled once for each function are these two loops.
struct Function {
  using RowLoop = void(const void* f, std::int64_t n, const std::byte* const* in, const std::int64_t* strides,
                       std::byte* out);
  const void* f;
  RowLoop *float32_loop, *float64_loop;
  int index;
};

// out[i] = f(in_0[i * s_0], in_1[i * s_1], …). Strides that are integral_constants are known to the compiler,
// so that it vectorises the loops that matter.
template <class T, class F, std::size_t... I, class... Strides>
void inner_loop(std::int64_t n, const std::array<const T*, sizeof...(I)>& in, T* __restrict out, F f,
                std::index_sequence<I...>, Strides... strides) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = f(in[I][i * strides]...);
}

template <class T, class F, std::size_t N>
void run_row(const void* function, std::int64_t n, const std::byte* const* operands,
             const std::int64_t* strides, std::byte* result) {
  constexpr std::integral_constant<std::int64_t, 0> zero;
  constexpr std::integral_constant<std::int64_t, 1> one;
  constexpr auto each = std::make_index_sequence<N>();
  const F& f = *static_cast<const F*>(function);
  std::array<const T*, N> in;
  for (std::size_t k = 0; k < N; ++k) in[k] = reinterpret_cast<const T*>(operands[k]);
  T* const out = reinterpret_cast<T*>(result);
  if constexpr (N == 1) {
    if (strides[0] == 1) return inner_loop(n, in, out, f, each, one);
    inner_loop(n, in, out, f, each, strides[0]);
  } else if constexpr (N == 2) {
    const std::int64_t first = strides[0], second = strides[1];
    if (first == 1 && second == 1) return inner_loop(n, in, out, f, each, one, one);
    if (first == 1 && second == 0) return inner_loop(n, in, out, f, each, one, zero);
    if (first == 0 && second == 1) return inner_loop(n, in, out, f, each, zero, one);
    inner_loop(n, in, out, f, each, first, second);
  } else {
    const std::int64_t first = strides[0], second = strides[1], third = strides[2];
    if (first == 1 && second == 1 && third == 1) return inner_loop(n, in, out, f, each, one, one, one);
    if (first == 1 && second == 1 && third == 0) return inner_loop(n, in, out, f, each, one, one, zero);
    if (first == 1 && second == 0 && third == 1) return inner_loop(n, in, out, f, each, one, zero, one);
    if (first == 1 && second == 0 && third == 0) return inner_loop(n, in, out, f, each, one, zero, zero);
    inner_loop(n, in, out, f, each, first, second, third);
  }
}

template <std::size_t N, class F>
Function function_of(const F& f) {
  return {&f, run_row<float, F, N>, run_row<double, F, N>, Functions::index_of<F>()};
}

// y_i = f(x_0[i * s_0], …) for each i below y's size, on y's device. Throws if that is not the CPU and f is
// none of Functions.
void map_flat(const char* op, const Function& function, std::span<const Tensor* const> x,
              std::span<const std::int64_t> strides, Tensor& y);

Tensor map(const char* op, const Tensor& x, const Function& function);
Tensor map(const char* op, const Tensor& a, const Tensor& b, const Function& function);
Tensor map(const char* op, const Tensor& a, const Tensor& b, const Tensor& c, const Function& function);

}  // namespace detail

// y_i = f(x_i) for an f that takes and returns float as well as double, a generic lambda for example. It is
// called on several threads. Throws, in the name of `op`, if x is an empty handle. Here and below: on a
// device other than the CPU f must be one of Functions (functions.hpp), and a lambda throws. The derivative
// of f is the op's business (core/record.hpp).
template <class F>
Tensor map(const char* op, const Tensor& x, F f) {
  return detail::map(op, x, detail::function_of<1>(f));
}

// result_i = f(a_i, b_i), with a and b broadcast to one shape. Throws if dtypes or devices differ or shapes
// don't broadcast.
template <class F>
Tensor map(const char* op, const Tensor& a, const Tensor& b, F f) {
  return detail::map(op, a, b, detail::function_of<2>(f));
}

// result_i = f(a_i, b_i, c_i), likewise.
template <class F>
Tensor map(const char* op, const Tensor& a, const Tensor& b, const Tensor& c, F f) {
  return detail::map(op, a, b, c, detail::function_of<3>(f));
}

// x's elements repeated to `shape`. Throws if x's shape does not broadcast to it.
Tensor broadcast(const char* op, const Tensor& x, const Shape& shape);

}  // namespace taper::kernels
