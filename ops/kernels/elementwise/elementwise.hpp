// Elementwise loops with NumPy's broadcasting: what every elementwise op is made of, a program's own op too.
// Of ops/kernels only this header and functions.hpp are installed, so that it includes nothing of what the
// other kernels need.
#pragma once

#include "../../../core/tensor.hpp"
#include "../../../core/threads.hpp"
#include "functions.hpp"

#include <algorithm>
#include <array>
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

// The plan for operands of these shapes, which must broadcast together with `result`. The default `result`
// asks for nothing, so that the operands alone count.
template <std::size_t N>
BroadcastPlan<N> plan_broadcast(const char* op, const std::array<const Shape*, N>& shapes,
                                const Shape& result = {});

namespace detail {

// y = f(x_0, …) on y's device, which is not the CPU, in loops of these extents and strides (see
// BroadcastPlan). Does nothing for no elements. Throws if `function`, f's place in Functions, is none.
void launch_map(const char* op, int function, const Shape& extents, std::span<const Shape> strides,
                std::span<const Tensor* const> x, Tensor& y);

// The same if y lies on a device other than the CPU; false if it does not.
template <class F, std::size_t N>
bool map_on_device(const char* op, F, const BroadcastPlan<N>& plan, const std::array<const Tensor*, N>& x,
                   Tensor& y) {
  if (y.device().is_cpu()) return false;
  launch_map(op, Functions::index_of<F>(), plan.extents, plan.strides, x, y);
  return true;
}

}  // namespace detail

// y_i = f(x_i) for an f that takes and returns float as well as double, a generic lambda for example. It is
// called on several threads. Throws, in the name of `op`, if x is an empty handle. Here and below: on a
// device other than the CPU f must be one of Functions (functions.hpp), and a lambda throws. The derivative
// of f is the op's business (core/record.hpp).
template <class F>
Tensor map(const char* op, const Tensor& x, F f) {
  check_given(op, "x", x);
  Tensor y = Tensor::uninitialized(op, x.shape(), x.kind());
  if (!x.device().is_cpu()) {
    detail::map_on_device(op, f, BroadcastPlan<1>{x.shape(), {x.size()}, {Shape{1}}}, {&x}, y);
    return y;
  }
  dispatch(x.dtype(), [&]<class T>() {
    const T* __restrict in = x.data<T>();
    T* __restrict out = y.mutable_data<T>();
    parallel_ranges(x.size(), part_size, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) out[i] = f(in[i]);
    });
  });
  return y;
}

namespace detail {

// out[i] = f(in_0[i * s_0], in_1[i * s_1], …). Strides that are integral_constants are known to the compiler,
// so that it vectorises the loops that matter.
template <class T, class F, std::size_t... I, class... Strides>
void inner_loop(std::int64_t n, const std::array<const T*, sizeof...(I)>& in, T* __restrict out, F f,
                std::index_sequence<I...>, Strides... strides) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = f(in[I][i * strides]...);
}

template <class T, class F, std::size_t N>
void run_inner(std::int64_t n, const std::array<const T*, N>& in, const std::array<std::int64_t, N>& strides,
               T* out, F f) {
  constexpr std::integral_constant<std::int64_t, 0> zero;
  constexpr std::integral_constant<std::int64_t, 1> one;
  constexpr auto each = std::make_index_sequence<N>();
  if constexpr (N == 1) {
    if (strides[0] == 1) return inner_loop(n, in, out, f, each, one);
  } else if constexpr (N == 2) {
    if (strides[0] == 1 && strides[1] == 1) return inner_loop(n, in, out, f, each, one, one);
    if (strides[0] == 1 && strides[1] == 0) return inner_loop(n, in, out, f, each, one, zero);
    if (strides[0] == 0 && strides[1] == 1) return inner_loop(n, in, out, f, each, zero, one);
  } else if (strides[0] == 1) {
    const auto [_, second, third] = strides;
    if (second == 1 && third == 1) return inner_loop(n, in, out, f, each, one, one, one);
    if (second == 1 && third == 0) return inner_loop(n, in, out, f, each, one, one, zero);
    if (second == 0 && third == 1) return inner_loop(n, in, out, f, each, one, zero, one);
    if (second == 0 && third == 0) return inner_loop(n, in, out, f, each, one, zero, zero);
  }
  std::apply([&](auto... s) { inner_loop(n, in, out, f, each, s...); }, strides);
}

template <class T, class F, std::size_t N>
void run_plan(const BroadcastPlan<N>& plan, const std::array<const T*, N>& in, T* out, F f) {
  const int inner = plan.extents.size() - 1;
  if (inner < 0) return run_inner(1, in, std::array<std::int64_t, N>{}, out, f);
  std::array<std::int64_t, N> inner_strides;
  for (std::size_t k = 0; k < N; ++k) inner_strides[k] = plan.strides[k][inner];
  const std::int64_t n = plan.extents[inner];
  if (inner == 0) {
    return parallel_ranges(n, part_size, [&](std::int64_t begin, std::int64_t end) {
      std::array<const T*, N> at = in;
      for (std::size_t k = 0; k < N; ++k) at[k] += begin * inner_strides[k];
      run_inner(end - begin, at, inner_strides, out + begin, f);
    });
  }
  std::int64_t rows = 1;
  for (int axis = 0; axis < inner; ++axis) rows *= plan.extents[axis];

  parallel_ranges(rows, std::max<std::int64_t>(1, part_size / n), [&](std::int64_t begin, std::int64_t end) {
    Shape counter = Shape::filled(inner, 0);  // an odometer over the outer loops, set to row `begin`
    std::array<const T*, N> at = in;
    std::int64_t left = begin;
    for (int axis = inner - 1; axis >= 0; --axis) {
      counter[axis] = left % plan.extents[axis];
      left /= plan.extents[axis];
      for (std::size_t k = 0; k < N; ++k) at[k] += counter[axis] * plan.strides[k][axis];
    }
    for (std::int64_t row = begin; row < end; ++row) {
      run_inner(n, at, inner_strides, out + row * n, f);
      for (int axis = inner - 1; axis >= 0; --axis) {
        for (std::size_t k = 0; k < N; ++k) at[k] += plan.strides[k][axis];
        if (++counter[axis] < plan.extents[axis]) break;
        for (std::size_t k = 0; k < N; ++k) at[k] -= plan.strides[k][axis] * plan.extents[axis];
        counter[axis] = 0;
      }
    }
  });
}

template <class F, class... Operands>
Tensor map_broadcast(const char* op, F f, const Operands&... operands) {
  constexpr std::size_t count = sizeof...(Operands);
  const auto plan = plan_broadcast<count>(op, {&operands.shape()...});
  const auto& first = std::get<0>(std::tie(operands...));
  Tensor result = Tensor::uninitialized(op, plan.result, first.kind());
  if (map_on_device(op, f, plan, {&operands...}, result)) return result;
  if (result.size() != 0) {
    dispatch(first.dtype(), [&]<class T>() {
      run_plan(plan, std::array<const T*, count>{operands.template data<T>()...}, result.mutable_data<T>(),
               f);
    });
  }
  return result;
}

}  // namespace detail

// result_i = f(a_i, b_i), with a and b broadcast to one shape. Throws if dtypes or devices differ or shapes
// don't broadcast.
template <class F>
Tensor map(const char* op, const Tensor& a, const Tensor& b, F f) {
  common_kind(op, a, b);
  const bool same = a.shape() == b.shape();
  const bool b_is_scalar = !same && b.size() == 1 && b.rank() <= a.rank();
  const bool a_is_scalar = !same && a.size() == 1 && a.rank() <= b.rank();
  if (!same && !b_is_scalar && !a_is_scalar) return detail::map_broadcast(op, f, a, b);
  Tensor result = Tensor::uninitialized(op, (a_is_scalar ? b : a).shape(), a.kind());
  if (!a.device().is_cpu()) {
    const Shape of_a{!a_is_scalar}, of_b{!b_is_scalar};
    detail::map_on_device(op, f, BroadcastPlan<2>{result.shape(), {result.size()}, {of_a, of_b}}, {&a, &b},
                          result);
    return result;
  }
  dispatch(a.dtype(), [&]<class T>() {
    const T *x = a.data<T>(), *y = b.data<T>();
    T* out = result.mutable_data<T>();
    parallel_ranges(result.size(), part_size, [&](std::int64_t begin, std::int64_t end) {
      detail::run_inner<T, F, 2>(end - begin, {a_is_scalar ? x : x + begin, b_is_scalar ? y : y + begin},
                                 {!a_is_scalar, !b_is_scalar}, out + begin, f);
    });
  });
  return result;
}

// result_i = f(a_i, b_i, c_i), likewise.
template <class F>
Tensor map(const char* op, const Tensor& a, const Tensor& b, const Tensor& c, F f) {
  common_kind(op, a, b);
  common_kind(op, a, c);
  return detail::map_broadcast(op, f, a, b, c);
}

// x's elements repeated to `shape`. Throws if x's shape does not broadcast to it.
Tensor broadcast(const char* op, const Tensor& x, const Shape& shape);

}  // namespace taper::kernels
