// Elementwise functions whose result replaces their first operand: what += and its kin are made of.
#pragma once

#include "elementwise.hpp"

namespace taper::kernels {

namespace detail {

// Throws if dtypes or devices differ, if b does not broadcast to a's shape, or if the tape that records on
// this thread tracks one of them: it would not see the change.
void check_in_place(const char* op, const Tensor& a, const Tensor& b);

}  // namespace detail

// a_i = f(a_i, b_i) with b broadcast to a's shape, for the op that `op` spells, such as "+=". It counts as a
// change of a (Tensor::mutable_data).
template <class F>
void map_in_place(const char* op, Tensor& a, Tensor b, F f) {
  detail::check_in_place(op, a, b);
  if (b.size() != 1 && !(b.shape() == a.shape())) b = broadcast(op, b, a.shape());
  const bool repeats = b.size() == 1;
  if (!a.device().is_cpu()) {
    a.mutable_bytes();
    detail::map_on_device(op, f, BroadcastPlan<2>{a.shape(), {a.size()}, {Shape{1}, Shape{!repeats}}},
                          {&a, &b}, a);
    return;
  }
  dispatch(a.dtype(), [&]<class T>() {
    const T* const y = b.data<T>();
    T* const x = a.mutable_data<T>();
    parallel_ranges(a.size(), part_size, [=](std::int64_t begin, std::int64_t end) {
      if (repeats) {
        const T value = *y;
        for (std::int64_t i = begin; i < end; ++i) x[i] = f(x[i], value);
      } else {
        for (std::int64_t i = begin; i < end; ++i) x[i] = f(x[i], y[i]);
      }
    });
  });
}

}  // namespace taper::kernels
